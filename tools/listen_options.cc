#include "tools/listen_options.h"

#include <span>

#include "lib/core/number.h"
#include "lib/net/tcp.h"

namespace postern {
namespace {

constexpr std::uint64_t most_connections = 100'000;
constexpr std::size_t longest_banner = 400;  // an SMTP reply line is at most 512 (RFC 5321 §4.5.3.1.5)

Result<std::size_t> parse_limit(std::string_view text) {
  auto const limit = parse_number(Wire{text}, most_connections);
  if (!limit || *limit == 0) return permanent("a limit is not a number from 1 to 100000:", text);
  return std::size_t{*limit};
}

Result<int> parse_descriptor(std::string_view text) {
  auto const number = parse_number(Wire{text}, 1023);
  if (!number || *number < 3) return permanent("-f takes a descriptor from 3 to 1023:", text);
  return static_cast<int>(*number);
}

// Takes one option and its words from the front.
Status take_option(ListenOptions& options, std::span<const std::string_view>& words) {
  std::string_view const name = words[0];
  std::size_t const count = name == "-l" ? 3 : 2;
  if (words.size() < count) return permanent("an option lacks its argument:", name);
  std::string_view const value = words[1];
  if (name == "-c")
    options.most = TRY(parse_limit(value));
  else if (name == "-C")
    options.most_per_client = TRY(parse_limit(value));
  else if (name == "-b" && value.size() <= longest_banner)
    options.banner = value;
  else if (name == "-f")
    options.descriptors.push_back(TRY(parse_descriptor(value)));
  else if (name == "-l")
    options.endpoints.push_back(TRY(parse_endpoint(value, words[2])));
  else
    return permanent("unknown option, or a banner too long:", name);
  words = words.subspan(count);
  return Done{};
}

}  // namespace

Result<ListenOptions> ListenOptions::parse(const std::vector<std::string_view>& arguments) {
  ListenOptions options;
  std::span<const std::string_view> words{arguments};
  while (!words.empty() && words[0].starts_with('-')) TRY(take_option(options, words));
  if (words.empty())
    return permanent("usage: tcplisten [-c most] [-C most-per-client] [-b banner] [-f fd] [-l ADDRESS PORT] program ...");
  if (words[0].find('/') == std::string_view::npos) return permanent("the program's name needs a slash:", words[0]);
  if (!options.endpoints.empty()) options.descriptors.erase(options.descriptors.begin());
  options.command.assign(words.begin(), words.end());
  return options;
}

}  // namespace postern
