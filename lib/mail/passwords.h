// passwords - users/passwords, who may log in: a line a login, "login:hash:flags"
//
//   alice:$y$j9T$...:            info@example.org:$y$j9T$...:disabled
//
// login is a Login; hash is what crypt(3) made and checks; flags are words of a-z, 0-9 and '-' with commas between them.
// "disabled" is the one that means something: no password opens that login. A reader that does not know a flag refuses
// the login, since the flag may take something away. No login stands there twice; every line ends in LF. Mode 0640, root
// and pn-auth; replaced as a whole by rename, never changed in place.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/mail/login.h"

namespace postern {

constexpr std::size_t largest_passwords_file = 64u << 20;

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

struct PasswordEntry {
  Login login;
  PasswordHash hash;
  std::vector<std::string> flags;

  static Result<PasswordEntry> parse(Wire line);  // without its LF
  bool has_flag(std::string_view word) const;
  friend bool operator==(const PasswordEntry&, const PasswordEntry&) = default;
};

class Passwords {
 public:
  Passwords() = default;
  static Result<Passwords> parse(Wire file);  // an error names the line
  std::string encoded() const;

  const PasswordEntry* find(std::string_view login) const;  // valid until the next change
  void set(const Login& login, PasswordHash hash);          // flags of one that is there are kept
  bool remove(std::string_view login);                      // false: it was not there
  const std::vector<PasswordEntry>& entries() const { return entries_; }

 private:
  std::vector<PasswordEntry> entries_;
};

}  // namespace postern
