// key_store - the private keys of tlskeyd, found by the hash of their public halves
//
// A key that is not in the directory any more when it is read anew signs for key_grace, for handshakes under way; then its
// memory is overwritten. A file that cannot be used is said in the log, and does not keep the others from being used; one
// that cannot be read now has the key that it had.
#pragma once

#include <vector>

#include "auth/openssl_types.h"
#include "lib/core/clock.h"
#include "lib/net/key_protocol.h"
#include "lib/os/directory.h"

namespace postern {

constexpr auto key_grace = Milliseconds{65s};  // a handshake takes at most 60 s

// SHA-256 of the SubjectPublicKeyInfo (RFC 5280 4.1), as a TLSA record "x 1 1" has it; empty when that cannot be told.
std::string key_name_of(EVP_PKEY* key);

// RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521; PEM, not encrypted.
Result<PkeyPtr> parse_private_key(Wire pem);

// The signature, or why there is none.
KeyAnswer sign_with(EVP_PKEY* key, TlsScheme scheme, std::string_view data);

class KeyStore {
 public:
  Status load(const Directory& directory);  // its files NAME.pem
  KeyAnswer answer(const KeyRequest& request) const;
  // Overwrites what has been out of use long enough. The time of the next, or never.
  Deadline wipe();
  std::size_t size() const { return keys_.size(); }

 private:
  struct Key {
    std::string file;
    std::string name;
    PkeyPtr key;
  };
  struct Retired {
    Key key;
    Deadline until;
  };
  std::vector<Key> keys_;
  std::vector<Retired> retired_;
};

}  // namespace postern
