#include "lib/mail/maildir_name.h"

#include <algorithm>

#include "lib/core/ascii.h"
#include "lib/core/number.h"

namespace postern {
namespace {

constexpr std::string_view flags_follow = ":2,";
constexpr std::uint64_t largest_size = 1ull << 50;

// Takes ",S=digits" or ",W=digits" from the end of `base`; false: there is none.
bool take_size(std::string_view& base, MaildirName& name) {
  std::size_t const comma = base.rfind(',');
  if (comma == std::string_view::npos || comma == 0 || base.size() - comma < 4 || base[comma + 2] != '=') return false;
  auto& size = base[comma + 1] == 'S' ? name.bytes : name.octets;
  if (base[comma + 1] != 'S' && base[comma + 1] != 'W') return false;
  auto const number = parse_number(Wire{base.substr(comma + 3)}, largest_size);
  if (!number || size) return false;
  size = *number;
  base = base.substr(0, comma);
  return true;
}

}  // namespace

void MessageSize::see(std::string_view piece) {
  bytes_ += piece.size();
  for (std::size_t at = 0; (at = piece.find('\n', at)) != std::string_view::npos; ++at)
    if ((at == 0 ? last_ : piece[at - 1]) != '\r') ++bare_ends_;
  if (!piece.empty()) last_ = piece.back();
}

Result<MaildirName> MaildirName::parse(Wire wire) {
  std::string_view const text = wire.bytes();
  if (text.empty() || text.size() > maildir_name_most || text.front() == '.') return permanent("not a message's name");
  for (char const c : text)
    if (is_control(c) || c == '/') return permanent("not a message's name: a control character");
  MaildirName name;
  std::size_t const colon = text.find(':');
  std::string_view base = text.substr(0, colon);
  if (colon != std::string_view::npos) name.info = text.substr(colon);
  while (take_size(base, name)) continue;
  if (base.empty()) return permanent("not a message's name: nothing in front of the colon");
  name.unique = base;
  return name;
}

bool MaildirName::has_flag(char flag) const {
  return info.starts_with(flags_follow) && info.find(flag, flags_follow.size()) != std::string_view::npos;
}

std::string sized_maildir_name(std::string_view unique, std::uint64_t bytes, std::uint64_t octets, std::string_view info) {
  std::string name{unique};
  name += ",S=";
  append_decimal(name, bytes);
  name += ",W=";
  append_decimal(name, octets);
  return name += info;
}

std::string info_with_flag(std::string_view info, char flag) {
  if (info.empty()) return std::string{flags_follow} + flag;
  std::string text{info};
  if (!info.starts_with(flags_follow) || info.find(flag, flags_follow.size()) != std::string_view::npos) return text;
  auto const first = text.begin() + static_cast<std::ptrdiff_t>(flags_follow.size());
  text.insert(std::find_if(first, text.end(), [flag](char c) { return c > flag; }), flag);
  return text;
}

}  // namespace postern
