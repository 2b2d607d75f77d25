#include "tools/log_record.h"

#include "lib/core/ascii.h"

namespace postern {
namespace {

constexpr std::size_t stamp_length = 25;
constexpr std::uint64_t epoch = 1ull << 62;  // of TAI64: 1970 of atomic time
// Since 2017 atomic time is 37 s ahead of UTC, and no further leap second is planned; our logs are younger.
constexpr std::int64_t ahead_of_utc = 37;

std::string unquoted(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool const is_quoted =
        text[i] == '\\' && text.size() - i >= 4 && text[i + 1] == 'x' && is_hex_digit(text[i + 2]) && is_hex_digit(text[i + 3]);
    plain += is_quoted ? static_cast<char>(hex_value(text[i + 2]) * 16 + hex_value(text[i + 3])) : text[i];
    if (is_quoted) i += 3;
  }
  return plain;
}

}  // namespace

Result<LogStamp> LogStamp::parse(Wire wire) {
  std::string_view const text = wire.bytes();
  if (text.size() != stamp_length || text.front() != '@') return permanent("log: no stamp");
  std::uint64_t seconds = 0;
  std::uint64_t nanoseconds = 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (!is_hex_digit(text[i])) return permanent("log: no stamp");
    std::uint64_t& number = i <= 16 ? seconds : nanoseconds;
    number = number << 4 | static_cast<std::uint64_t>(hex_value(text[i]));
  }
  constexpr std::uint64_t longest = 1ull << 40;
  if (seconds < epoch || seconds - epoch > longest || nanoseconds >= 1'000'000'000) return permanent("log: a stamp of no time");
  LogStamp stamp;
  stamp.seconds_ = static_cast<std::int64_t>(seconds - epoch) - ahead_of_utc;
  stamp.nanoseconds_ = static_cast<std::uint32_t>(nanoseconds);
  return stamp;
}

Result<LogRecord> LogRecord::parse(Wire wire) {
  std::string_view rest = wire.bytes();
  LogRecord record{TRY(LogStamp::parse(Wire{rest.substr(0, std::min(rest.size(), stamp_length))})), {}};
  rest.remove_prefix(stamp_length);
  while (!rest.empty()) {
    std::string_view const word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    if (word.empty()) continue;
    std::size_t const equals = word.find('=');
    if (equals == std::string_view::npos)
      record.fields.push_back({{}, unquoted(word)});
    else
      record.fields.push_back({std::string{word.substr(0, equals)}, unquoted(word.substr(equals + 1))});
  }
  return record;
}

const std::string* LogRecord::value_of(std::string_view key) const {
  for (const LogField& field : fields)
    if (field.key == key) return &field.value;
  return nullptr;
}

}  // namespace postern
