#include "remote/peer_features.h"

#include "lib/core/ascii.h"
#include "lib/core/number.h"

namespace postern {
namespace {

constexpr std::uint64_t no_such_size = 1ull << 40;  // whoever takes more than that takes all there is

std::string_view take_word(std::string_view& rest) {
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  std::size_t end = 0;
  while (end < rest.size() && !is_blank(rest[end])) ++end;
  std::string_view const word = rest.substr(0, end);
  rest.remove_prefix(end);
  return word;
}

void take_mechanisms(PeerFeatures& features, std::string_view rest) {
  for (std::string_view word; !(word = take_word(rest)).empty();) {
    features.has_auth_plain |= equal_ignoring_case(word, "PLAIN");
    features.has_auth_login |= equal_ignoring_case(word, "LOGIN");
  }
}

void take_line(PeerFeatures& features, std::string_view line) {
  constexpr std::string_view old_auth = "AUTH=";  // what servers of the last century say
  std::string_view rest = line;
  std::string_view const keyword = take_word(rest);
  auto const is = [keyword](std::string_view name) { return equal_ignoring_case(keyword, name); };
  features.has_pipelining |= is("PIPELINING");
  features.has_eight_bit |= is("8BITMIME");
  features.has_utf8 |= is("SMTPUTF8");
  features.has_dsn |= is("DSN");
  features.has_chunking |= is("CHUNKING");
  features.has_starttls |= is("STARTTLS");
  if (is("SIZE")) {
    features.has_size = true;
    auto const size = parse_number(Wire{take_word(rest)}, no_such_size);
    features.largest = size ? *size : 0;
  }
  if (is("AUTH")) take_mechanisms(features, rest);
  if (starts_with_ignoring_case(line, old_auth)) take_mechanisms(features, line.substr(old_auth.size()));
}

}  // namespace

PeerFeatures PeerFeatures::from(const PeerReply& ehlo) {
  PeerFeatures features;
  for (std::size_t i = 1; i < ehlo.lines().size(); ++i) take_line(features, ehlo.lines()[i]);
  features.has_utf8 &= features.has_eight_bit;  // RFC 6531 §3.1 item 8
  return features;
}

}  // namespace postern
