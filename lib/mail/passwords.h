// passwords - users/passwords, who may log in: a line a login (passwords(5))
//
//   alice:$y$j9T$...:                                                    login:hash:flags
//   bob:$y$j9T$...:disabled:100000,SALT,STORED,SERVER                    and the keys of SCRAM-SHA-256
//   info@example.org:$y$j9T$...:::phone/imap,pop3/DIGEST;laptop//DIGEST  and app passwords
//
// login is a Login; hash is what crypt(3) made and checks, or "*": no password of its own stands here, and another source
// may be asked for one; flags are words of a-z, 0-9 and '-' with commas between them. "disabled" is the one that means
// something: nothing opens that login. A reader that does not know a flag refuses the login, since the flag may take
// something away. SALT, STORED, SERVER and DIGEST are base64. Trailing fields that hold nothing are left out, the third
// one never. No login stands there twice; every line ends in LF. Mode 0640, root and pn-auth; replaced as a whole by
// rename, never changed in place. Here is only what is written; who checks a password does the hashing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/mail/login.h"

namespace postern {

constexpr std::size_t largest_passwords_file = 64u << 20;
constexpr std::size_t sha256_length = 32;
constexpr std::size_t app_password_length = 28;  // characters of base 32: 140 bits
constexpr std::size_t most_app_passwords = 64;   // of a login

// What crypt(3) gives: printable ASCII without blanks and : ; * ! \ (crypt(5)).
class PasswordHash {
 public:
  static Result<PasswordHash> parse(Wire text);
  const std::string& text() const { return text_; }
  friend bool operator==(const PasswordHash&, const PasswordHash&) = default;

 private:
  explicit PasswordHash(std::string_view text) : text_(text) {}
  std::string text_;
};

// What SCRAM-SHA-256 keeps of a password (RFC 5802 3, RFC 7677 4).
struct ScramKeys {
  std::uint32_t iterations = 0;  // from 4096 to 10,000,000
  std::string salt;              // these three are bytes: 8 to 64,
  std::string stored_key;        // and sha256_length each
  std::string server_key;

  static Result<ScramKeys> parse(Wire text);
  std::string encoded() const;
  friend bool operator==(const ScramKeys&, const ScramKeys&) = default;
};

// A password that a machine made, for one program of the owner's.
struct AppPassword {
  std::string name;                   // a word of a-z, 0-9 and '-', at most 32 characters
  std::vector<std::string> services;  // such words: what it opens; none: every service
  std::string digest;                 // SHA-256 of canonical_app_password(), sha256_length bytes

  static Result<AppPassword> parse(Wire text);
  std::string encoded() const;
  bool opens(std::string_view service) const;
  friend bool operator==(const AppPassword&, const AppPassword&) = default;
};

// What was typed as an app password's app_password_length characters a-z and 2-7: in lower case, without blanks and '-'.
// Nothing: it cannot be one.
std::optional<std::string> canonical_app_password(std::string_view typed);

// Whether every client makes the same bytes of it: printable ASCII, and letters and signs of European scripts that neither
// SASLprep (RFC 4013 2) nor OpaqueString (RFC 8265 4.2) changes or refuses. SCRAM keys are made of no other, since they would fit
// only some clients: those that prepare as we would.
bool is_prepared_alike(std::string_view password);

bool is_flag_word(std::string_view word);  // a-z, 0-9 and '-', at least one of them

struct PasswordEntry {
  Login login;
  std::optional<PasswordHash> hash = {};
  std::vector<std::string> flags = {};
  std::optional<ScramKeys> scram = {};
  std::vector<AppPassword> app_passwords = {};

  static Result<PasswordEntry> parse(Wire line);  // without its LF
  std::string encoded() const;                    // likewise
  bool has_flag(std::string_view word) const;
  bool is_empty() const { return !hash && flags.empty() && !scram && app_passwords.empty(); }
  friend bool operator==(const PasswordEntry&, const PasswordEntry&) = default;
};

class Passwords {
 public:
  Passwords() = default;
  static Result<Passwords> parse(Wire file);  // an error names the line
  std::string encoded() const;

  const PasswordEntry* find(std::string_view login) const;  // valid until the next change
  PasswordEntry& at(const Login& login);                    // likewise; made when it was not there. Its login stays as it is.
  bool remove(std::string_view login);                      // false: it was not there
  const std::vector<PasswordEntry>& entries() const { return entries_; }

 private:
  std::vector<PasswordEntry> entries_;
  std::unordered_map<std::string, std::size_t> places_;  // of a login in entries_
};

}  // namespace postern
