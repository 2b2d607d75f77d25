#include "lib/mail/domain.h"

#include "lib/core/ascii.h"

namespace postern {
namespace {

constexpr std::size_t longest_domain = 255;
constexpr std::size_t longest_label = 63;

// Letters, digits, hyphens inside; "_" too: no host name has it, mail domains in use do. UTF-8 was checked before.
bool is_label(std::string_view label) {
  if (label.empty() || label.size() > longest_label || label.front() == '-' || label.back() == '-') return false;
  for (char const c : label)
    if (!is_alnum(c) && c != '-' && c != '_' && !is_eight_bit(c)) return false;
  return true;
}

// What stands in brackets: an IPv4 address, IPv6:..., or tag:... of printable ASCII without brackets and backslash.
bool is_literal_content(std::string_view content) {
  if (content.empty()) return false;
  for (char const c : content)
    if (!is_graphic(c) || c == '[' || c == ']' || c == '\\') return false;
  return true;
}

}  // namespace

Result<Domain> Domain::parse(Wire wire) {
  std::string_view const text = wire.bytes();
  if (text.empty()) return permanent("domain: empty");
  if (text.size() > longest_domain) return permanent("domain: longer than 255 bytes");
  if (text.front() == '[') {
    if (text.size() < 3 || text.back() != ']' || !is_literal_content(text.substr(1, text.size() - 2)))
      return permanent("domain: not an address literal");
    return Domain{to_lower(text)};
  }
  if (!is_valid_utf8(text)) return permanent("domain: not UTF-8");
  for (std::string_view rest = text;;) {
    std::size_t const dot = rest.find('.');
    if (!is_label(rest.substr(0, dot))) return permanent("domain: not a host name");
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  return Domain{to_lower(text)};
}

bool Domain::is_ascii() const { return is_all_ascii(text_); }

}  // namespace postern
