#include "send/resting_host.h"

#include "lib/core/number.h"
#include "lib/core/quoted.h"
#include "lib/mail/destination.h"

namespace postern {
namespace {

constexpr std::size_t text_most = 512;
constexpr std::size_t name_most = 1024;
constexpr std::uint64_t latest_time = 1ull << 40;
constexpr std::uint64_t most_rests = 255;

Result<std::string_view> take_word(std::string_view& rest) {
  std::size_t const end = rest.find(' ');
  if (end == std::string_view::npos) return permanent("state/destinations: a line has too few words");
  std::string_view const word = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return word;
}

}  // namespace

std::string RestingHost::encoded() const {
  std::string line;
  append_quoted(line, name);
  line += ' ';
  append_decimal(line, until < 0 ? 0 : static_cast<std::uint64_t>(until));
  line += ' ';
  append_decimal(line, rests);
  line += ' ';
  append_quoted(line, std::string_view{text}.substr(0, text_most));
  return line += '\n';
}

Result<RestingHost> RestingHost::parse(Wire line) {
  std::string_view rest = line.bytes();
  std::string name = TRY(unquoted(Wire{TRY(take_word(rest))}, name_most));
  Destination const destination = TRY(Destination::parse(Wire{name}));
  auto const until = static_cast<std::int64_t>(TRY(parse_number(Wire{TRY(take_word(rest))}, latest_time)));
  auto const rests = static_cast<std::uint32_t>(TRY(parse_number(Wire{TRY(take_word(rest))}, most_rests)));
  std::string text = TRY(unquoted(Wire{rest}, text_most));
  return RestingHost{destination.text(), until, rests, std::move(text)};
}

}  // namespace postern
