// address_token - the words and signs of a structured field body (RFC 5322 §3.2), comments and blanks left out
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "lib/core/result.h"

namespace postern {

struct AddressToken {
  enum class Kind : char {
    end,
    word = 'w',     // an atom
    quoted = 'q',   // "a quoted string"
    literal = 'l',  // [a domain literal]
    dot = '.',
    at = '@',
    comma = ',',
    colon = ':',
    semicolon = ';',
    angle_open = '<',
    angle_close = '>',
  };
  Kind kind;
  bool is_after_blank;     // a blank, a line end or a comment stood in front of it
  std::size_t begin, end;  // where in the body

  bool is_word() const { return kind == Kind::word || kind == Kind::quoted; }
};

class AddressTokens {
 public:
  explicit AddressTokens(std::string_view body) : body_(body) {}
  Result<AddressToken> next();
  std::string content(const AddressToken& token) const;  // unquoted; of a literal without blanks

 private:
  Result<bool> skip_blanks();
  Status skip_comment();
  Status skip_until(char closing);
  std::string_view body_;
  std::size_t at_ = 0;
};

}  // namespace postern
