#include "lib/mail/maildir_sizes.h"

#include "lib/core/number.h"

namespace postern {
namespace {

constexpr std::uint64_t largest_change = 1ull << 50;

void append_signed(std::string& text, std::int64_t number) {
  if (number < 0) text += '-';
  append_decimal(text, static_cast<std::uint64_t>(number < 0 ? -number : number));
}

Result<std::int64_t> parse_signed(std::string_view text) {
  bool const is_negative = text.starts_with('-');
  auto const number = static_cast<std::int64_t>(TRY(parse_number(Wire{text.substr(is_negative ? 1 : 0)}, largest_change)));
  return is_negative ? -number : number;
}

// "1000000S", "1000C", or both with a comma: in this order only, as we write them.
Result<Quota> parse_limits(std::string_view line) {
  Quota limits;
  std::size_t const comma = line.find(',');
  std::string_view const first = line.substr(0, comma);
  if (first.ends_with('S')) {
    limits.bytes = TRY(parse_number(Wire{first.substr(0, first.size() - 1)}, largest_quota_bytes));
    if (comma == std::string_view::npos) return limits;
    line.remove_prefix(comma + 1);
  }
  if (!line.ends_with('C')) return permanent("maildirsize: not a limit");
  limits.messages = TRY(parse_number(Wire{line.substr(0, line.size() - 1)}, most_quota_messages));
  return limits;
}

Result<std::string_view> take_line(std::string_view& rest) {
  std::size_t const end = rest.find('\n');
  if (end == std::string_view::npos) return permanent("maildirsize: a line without its end");
  std::string_view const line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

}  // namespace

std::string maildir_sizes_line(std::int64_t bytes, std::int64_t messages) {
  std::string line;
  append_signed(line, bytes);
  line += ' ';
  append_signed(line, messages);
  return line += '\n';
}

Result<MaildirSizes> MaildirSizes::parse(Wire text) {
  std::string_view rest = text.bytes();
  if (rest.size() > largest_maildir_sizes * 2) return permanent("maildirsize: too long");  // so that no sum overflows
  Quota const limits = TRY(parse_limits(TRY(take_line(rest))));
  std::int64_t bytes = 0;
  std::int64_t messages = 0;
  while (!rest.empty()) {
    std::string_view const line = TRY(take_line(rest));
    std::size_t const blank = line.find(' ');
    if (blank == std::string_view::npos) return permanent("maildirsize: not two numbers in a line");
    bytes += TRY(parse_signed(line.substr(0, blank)));
    messages += TRY(parse_signed(line.substr(blank + 1)));
  }
  if (bytes < 0 || messages < 0) return permanent("maildirsize: a sum below 0");
  return MaildirSizes{limits, {static_cast<std::uint64_t>(bytes), static_cast<std::uint64_t>(messages)}};
}

std::string MaildirSizes::encoded() const {
  std::string text;
  if (limits.bytes != 0) text += decimal(limits.bytes) + "S";
  if (limits.bytes != 0 && limits.messages != 0) text += ',';
  if (limits.messages != 0 || limits.bytes == 0) text += decimal(limits.messages) + "C";
  return text + "\n" + maildir_sizes_line(static_cast<std::int64_t>(use.bytes), static_cast<std::int64_t>(use.messages));
}

}  // namespace postern
