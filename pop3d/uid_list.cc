#include "pop3d/uid_list.h"

#include <algorithm>

#include "lib/core/number.h"
#include "lib/mail/maildir_name.h"

namespace postern {
namespace {

constexpr std::string_view magic = "postern-uids 1 ";
constexpr std::uint64_t largest = 0xffff'ffff;

Result<std::string_view> take_line(std::string_view& rest) {
  std::size_t const end = rest.find('\n');
  if (end == std::string_view::npos) return permanent("list of UIDs: a line without its end");
  std::string_view const line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

// A number from 1 on and the blank behind it.
Result<std::uint32_t> take_number(std::string_view& line) {
  std::size_t const blank = line.find(' ');
  auto const number = parse_number(Wire{line.substr(0, blank)}, largest);
  if (!number || *number == 0 || line.front() == '0') return permanent("list of UIDs: not a number");
  line.remove_prefix(blank == std::string_view::npos ? line.size() : blank + 1);
  return static_cast<std::uint32_t>(*number);
}

}  // namespace

Result<UidList> UidList::parse(Wire file) {
  std::string_view rest = file.bytes();
  std::string_view head = TRY(take_line(rest));
  if (!head.starts_with(magic)) return permanent("list of UIDs: not one");
  head.remove_prefix(magic.size());
  UidList list;
  list.validity = TRY(take_number(head));
  if (head.find(' ') != std::string_view::npos) return permanent("list of UIDs: more in its first line");
  list.next = TRY(take_number(head));
  list.entries.reserve(static_cast<std::size_t>(std::count(rest.begin(), rest.end(), '\n')));
  std::uint32_t last = 0;
  while (!rest.empty()) {
    std::string_view line = TRY(take_line(rest));
    std::uint32_t const uid = TRY(take_number(line));
    if (uid <= last || uid >= list.next) return permanent("list of UIDs: not in order");
    auto const name = MaildirName::parse(Wire{line});
    if (!name || name->unique != line) return permanent("list of UIDs: not a message's name");
    list.entries.push_back({last = uid, line});
  }
  return list;
}

std::string UidList::encoded() const {
  std::string text{magic};
  append_decimal(text, validity);
  text += ' ';
  append_decimal(text, next);
  text += '\n';
  for (const Entry& entry : entries) {
    append_decimal(text, entry.uid);
    text += ' ';
    text += entry.unique;
    text += '\n';
  }
  return text;
}

}  // namespace postern
