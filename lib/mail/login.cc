#include "lib/mail/login.h"

#include "lib/core/ascii.h"
#include "lib/mail/domain.h"

namespace postern {
namespace {

constexpr std::size_t longest_local_part = 64;  // RFC 5321 §4.5.3.1.1

bool is_name(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.front() == '-' || text.back() == '.') return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '.' && text[i - 1] == '.') return false;
    if (!is_lower(text[i]) && !is_digit(text[i]) && text[i] != '.' && text[i] != '_' && text[i] != '-') return false;
  }
  return true;
}

}  // namespace

Result<Login> Login::parse(Wire wire) {
  std::string_view const text = wire.bytes();
  std::size_t const at = text.find('@');
  std::string_view const local_part = text.substr(0, at);
  if (local_part.size() > longest_local_part) return permanent("mailbox name: longer than 64 characters:", text);
  if (!is_name(local_part)) return permanent("mailbox name: not of a-z 0-9 . _ - beginning with a letter or digit:", text);
  if (at == std::string_view::npos) return Login{text, at};
  std::string_view const domain = text.substr(at + 1);
  auto const parsed = Domain::parse(Wire{domain});
  if (!parsed || parsed->is_literal() || !parsed->is_ascii() || parsed->text() != domain)
    return permanent("mailbox name: behind the @ stands no domain in lower case (A-labels):", text);
  return Login{text, at};
}

}  // namespace postern
