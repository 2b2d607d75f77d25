// login - the name of a mailbox as its owner types it: "alice", or "info@example.org" for a virtual one
//
// A Login that exists is safe as part of a path, of a line of fields between colons and of an e-mail address: lower-case
// ASCII letters, digits, '.', '_' and '-'; it begins with a letter, a digit or '_', ends in no dot and has no two
// dots in a row. A '+' is left to sub-addresses.
#pragma once

#include <string>
#include <string_view>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

class Login {
 public:
  static Result<Login> parse(Wire text);

  const std::string& text() const { return text_; }
  std::string_view local_part() const { return std::string_view{text_}.substr(0, at_); }
  bool is_virtual() const { return at_ != std::string::npos; }
  std::string_view domain() const { return std::string_view{text_}.substr(at_ + 1); }  // of a virtual one
  friend bool operator==(const Login&, const Login&) = default;

 private:
  Login(std::string_view text, std::size_t at) : text_(text), at_(at) {}
  std::string text_;
  std::size_t at_;
};

}  // namespace postern
