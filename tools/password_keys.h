// password_keys - what is kept of a new password besides crypt(3)'s hash, and passwords that are made here
//
// By libcrypto, after prepare_digests(), which is called before confine(): later it could read none of its own files.
#pragma once

#include <string>
#include <string_view>

#include "lib/core/result.h"
#include "lib/mail/passwords.h"

namespace postern {

Status prepare_digests();

// Keys of SCRAM-SHA-256 with a new salt (RFC 5802 3), of a password that is_prepared_alike().
Result<ScramKeys> make_scram_keys(std::string_view password);

struct NewAppPassword {
  std::string text;    // app_password_length characters, to be shown once
  std::string digest;  // of an AppPassword
};
Result<NewAppPassword> make_app_password();

}  // namespace postern
