// key_provider - an OpenSSL provider whose keys are elsewhere
//
// It is linked in and knows two kinds of keys, RSA and EC, and their signatures. Such a key has its public half and its name
// (key_store.h); a signature is asked for through `sign`. It offers no decryption, no key exchange, no export: whatever
// OpenSSL wants to do with a private key but to sign all of a message, it cannot.
//
// The provider has a library context of its own, so that nothing else finds its way into it by a name that both have.
#pragma once

#include "auth/openssl_types.h"
#include "lib/core/result.h"
#include "lib/net/key_protocol.h"

namespace postern {

class KeyProvider {
 public:
  using Sign = KeyAnswer (*)(void* context, const KeyRequest& request);
  // There is one of them in a process.
  static Status start(Sign sign, void* context);
  // A key that belongs to this certificate's public key. An error: it is of a kind that we do not use.
  static Result<PkeyPtr> key_for(EVP_PKEY* public_key);
};

}  // namespace postern
