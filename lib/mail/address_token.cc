#include "lib/mail/address_token.h"

#include "lib/core/ascii.h"

namespace postern {
namespace {

using Kind = AddressToken::Kind;

bool is_space(char c) { return is_blank(c) || c == '\n'; }

// RFC 5322 §3.2.3 without dots, and UTF-8 (RFC 6532 §3.2).
bool is_atom(char c) {
  return (is_graphic(c) || is_eight_bit(c)) && std::string_view{"()<>[]:;@\\,.\""}.find(c) == std::string_view::npos;
}

}  // namespace

// Comments nest (RFC 5322 §3.2.2); depth is counted.
Status AddressTokens::skip_comment() {
  std::size_t depth = 0;
  for (; at_ < body_.size(); ++at_) {
    char const c = body_[at_];
    if (c == '\\') {
      ++at_;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')' && --depth == 0) {
      ++at_;
      return Done{};
    }
  }
  return permanent("a comment does not end");
}

// True: something was skipped.
Result<bool> AddressTokens::skip_blanks() {
  std::size_t const start = at_;
  while (at_ < body_.size() && (is_space(body_[at_]) || body_[at_] == '(')) {
    if (body_[at_] == '(')
      TRY(skip_comment());
    else
      ++at_;
  }
  return at_ > start;
}

Status AddressTokens::skip_until(char closing) {
  for (++at_; at_ < body_.size(); ++at_) {
    if (body_[at_] == '\\') {
      ++at_;
    } else if (body_[at_] == closing) {
      ++at_;
      return Done{};
    } else if (closing == ']' && body_[at_] == '[') {
      break;
    }
  }
  if (closing == ']') return permanent("a bracket does not end");
  return permanent("a quoted string does not end");
}

Result<AddressToken> AddressTokens::next() {
  bool const is_after_blank = TRY(skip_blanks());
  std::size_t const begin = at_;
  if (at_ >= body_.size()) return AddressToken{Kind::end, is_after_blank, body_.size(), body_.size()};
  char const c = body_[at_];
  Kind kind;
  if (is_atom(c)) {
    while (at_ < body_.size() && is_atom(body_[at_])) ++at_;
    kind = Kind::word;
  } else if (c == '"') {
    TRY(skip_until('"'));
    kind = Kind::quoted;
  } else if (c == '[') {
    TRY(skip_until(']'));
    kind = Kind::literal;
  } else if (std::string_view{".@,:;<>"}.find(c) != std::string_view::npos) {
    ++at_;
    kind = static_cast<Kind>(c);
  } else {
    return permanent("a control character, or one that must be quoted");
  }
  return AddressToken{kind, is_after_blank, begin, at_};
}

std::string AddressTokens::content(const AddressToken& token) const {
  std::string_view text = body_.substr(token.begin, token.end - token.begin);
  if (token.kind != Kind::quoted && token.kind != Kind::literal) return std::string{text};
  std::string content;
  if (token.kind == Kind::quoted) text = text.substr(1, text.size() - 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (token.kind == Kind::literal && is_space(text[i])) continue;
    if (token.kind == Kind::quoted && text[i] == '\n') continue;  // a fold: RFC 5322 §3.2.4
    if (text[i] == '\\') ++i;                                     // never the last one: skip_until() took two
    content += text[i];
  }
  return content;
}

}  // namespace postern
