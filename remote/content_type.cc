#include "remote/content_type.h"

#include "lib/core/ascii.h"

namespace postern {
namespace {

// RFC 2045 §5.1 token
bool is_token(char c) { return is_graphic(c) && std::string_view{"()<>@,;:\\\"/[]?="}.find(c) == std::string_view::npos; }

// Reads the field from left to right; blanks and comments stand anywhere between its words.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}

  std::string_view token() {
    skip_blanks();
    std::size_t end = 0;
    while (end < rest_.size() && is_token(rest_[end])) ++end;
    std::string_view const word = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return word;
  }

  bool take(char c) {
    skip_blanks();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // A token, a quoted string, or what is written in place of one: anything up to a semicolon or blank.
  std::string value() {
    skip_blanks();
    std::string value;
    if (!rest_.empty() && rest_.front() == '"') {
      std::size_t at = 1;
      for (; at < rest_.size() && rest_[at] != '"'; ++at) {
        if (rest_[at] == '\\' && at + 1 < rest_.size()) ++at;
        value += rest_[at];
      }
      rest_.remove_prefix(at < rest_.size() ? at + 1 : at);
      return value;
    }
    std::size_t end = 0;
    while (end < rest_.size() && rest_[end] != ';' && !is_blank(rest_[end])) ++end;
    value = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return value;
  }

  // Behind the next semicolon; false at the end.
  bool next_parameter() {
    std::size_t const at = rest_.find(';');
    rest_.remove_prefix(at == std::string_view::npos ? rest_.size() : at + 1);
    return !rest_.empty();
  }

 private:
  void skip_blanks() {
    std::size_t depth = 0;
    std::size_t at = 0;
    for (; at < rest_.size(); ++at) {
      char const c = rest_[at];
      if (c == '(') {
        ++depth;
      } else if (depth == 0) {
        if (!is_blank(c)) break;
      } else if (c == ')') {
        --depth;
      } else if (c == '\\' && at + 1 < rest_.size()) {
        ++at;
      }
    }
    rest_.remove_prefix(at);
  }

  std::string_view rest_;
};

bool is_boundary(std::string_view text) {
  if (text.empty() || text.size() > longest_boundary || text.back() == ' ') return false;
  for (char const c : text)
    if (!is_graphic(c) && c != ' ') return false;
  return true;
}

}  // namespace

Result<ContentType> ContentType::parse(Wire body) {
  Words words{body.bytes()};
  ContentType content{to_lower(words.token()), {}, {}};
  if (content.type.empty() || !words.take('/')) return permanent("content type: no type/subtype");
  content.subtype = to_lower(words.token());
  if (content.subtype.empty()) return permanent("content type: no type/subtype");
  while (words.next_parameter()) {
    std::string_view const name = words.token();
    if (!words.take('=')) continue;
    std::string value = words.value();
    if (equal_ignoring_case(name, "boundary") && content.boundary.empty() && is_boundary(value))
      content.boundary = std::move(value);
  }
  return content;
}

}  // namespace postern
