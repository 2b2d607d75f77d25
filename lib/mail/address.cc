#include "lib/mail/address.h"

#include "lib/core/ascii.h"

namespace postern {
namespace {

constexpr std::size_t longest_local_part = 64;

// RFC 5321 §4.1.2 atext, and every byte of UTF-8 (RFC 6531 §3.3), which was checked before.
bool is_atext(char c) { return is_alnum(c) || is_eight_bit(c) || std::string_view{"!#$%&'*+-/=?^_`{|}~"}.find(c) != std::string_view::npos; }

bool is_dot_string(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.') return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (!is_atext(text[i]) && (text[i] != '.' || text[i - 1] == '.')) return false;
  return true;
}

// A Quoted-string with its quotes, to its content.
Result<std::string> unquoted(std::string_view text) {
  if (text.size() < 2 || text.back() != '"') return permanent("address: quoted string does not end");
  text = text.substr(1, text.size() - 2);
  std::string content;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') return permanent("address: quote inside a quoted string");
    if (text[i] == '\\' && ++i == text.size()) return permanent("address: backslash at the end");
    if (is_control(text[i])) return permanent("address: control character");
    content += text[i];
  }
  return content;
}

}  // namespace

std::size_t find_at_sign(std::string_view text) {
  std::size_t i = 0;
  if (!text.empty() && text.front() == '"') {
    for (i = 1; i < text.size() && text[i] != '"'; ++i)
      if (text[i] == '\\') ++i;
  }
  return i < text.size() ? text.find('@', i) : std::string_view::npos;
}

Result<Address> Address::parse(Wire wire) {
  std::string_view const text = wire.bytes();
  if (text.empty()) return null_sender();
  std::size_t const at = find_at_sign(text);
  if (at == std::string_view::npos) return permanent("address: no @ and domain");
  std::string_view const local = text.substr(0, at);
  Domain domain = TRY(Domain::parse(Wire{text.substr(at + 1)}));
  if (!local.empty() && local.front() == '"') return make(TRY(unquoted(local)), std::move(domain));
  if (!is_dot_string(local)) return permanent("address: not a local part");
  return make(std::string{local}, std::move(domain));
}

Result<Address> Address::make(std::string local_part, Domain domain) {
  if (local_part.size() > longest_local_part) return permanent("address: local part longer than 64 bytes");
  if (!is_valid_utf8(local_part)) return permanent("address: not UTF-8");
  for (char const c : local_part)
    if (is_control(c)) return permanent("address: control character");
  Address address;
  address.local_part_ = std::move(local_part);
  address.domain_ = std::move(domain);
  return address;
}

std::string Address::text() const {
  if (is_null_sender()) return {};
  std::string text;
  if (is_dot_string(local_part_)) {
    text = local_part_;
  } else {
    text += '"';
    for (char const c : local_part_) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  text += '@';
  return text += domain_->text();
}

bool Address::is_ascii() const { return is_all_ascii(local_part_) && (is_null_sender() || domain_->is_ascii()); }

}  // namespace postern
