// Tests of smtpd/message_watch: what is header, how long lines are, what a hop is; in pieces of every length.
#include "smtpd/message_watch.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {

SessionRules rules_of(std::uint64_t header, std::uint64_t line, std::uint64_t hops) {
  SessionRules rules;
  rules.header_bytes = header;
  rules.line_bytes = line;
  rules.hops = hops;
  return rules;
}

std::string reply_code(std::string_view text, const SessionRules& rules, std::size_t piece) {
  MessageWatch watch{rules};
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) watch.see(text.substr(0, piece));
  return std::string{watch.refusal().substr(0, 9)};
}

}  // namespace

TEST_CASE("what a message is refused for") {
  std::string const long_name(127, 'n');
  struct {
    std::string text;
    std::string_view reply;
  } const cases[] = {
      {"", ""},
      {"\n", ""},
      {"A: 1\nB: 2\n\nbody\n", ""},
      {"Received: 1\nReceived: 2\n\n", ""},                                 // as many hops as may be
      {"Received: 1\nReceived: 2\nReceived: 3\n\n", "554 5.4.6"},           // and one more
      {"received: 1\nDELIVERED-TO: 2\nRecEived : 3\n\n", "554 5.4.6"},      // any case, either name, blank before the colon
      {"Received: 1\nReceived: 2\n\nReceived: 3\n", ""},                    // behind the header
      {"Received: 1\nReceived: 2\nno field\nReceived: 3\n", ""},            // that ends it too
      {"Received: 1\n Received: 2\n\tReceived: 3\n\n", ""},                 // folds
      {"X-Received: 1\nReceived-By: 2\nReceivedx: 3\nReceive: 4\n\n", ""},  // other names
      {"Received: 1\nReceived: 2\nReceived: 3", ""},                        // a field that has not ended
      {long_name + ": x\nReceived: 1\nReceived: 2\nReceived: 3\n", "554 5.4.6"},
      {std::string(100, 'x') + "\n", ""},
      {std::string(101, 'x') + "\n", "554 5.6.0"},
      {std::string(101, 'x'), "554 5.6.0"},  // before its end is seen
      {"\n" + std::string(50, 'x') + "\n" + std::string(101, 'x'), "554 5.6.0"},
      {"A: " + std::string(96, 'x') + "\n" + "B: " + std::string(96, 'x') + "\n\n" + std::string(90, 'x'), ""},
      {"A: " + std::string(97, 'x') + "\n" + "B: " + std::string(97, 'x') + "\n" + "C: 1\n\n", "552 5.3.4"},
      {"A: " + std::string(90, 'x') + "\n " + std::string(90, 'x') + "\n " + std::string(90, 'x') + "\n\n", "552 5.3.4"},
  };
  for (auto const& [text, reply] : cases) {
    SessionRules const rules = rules_of(text.starts_with(long_name) ? 1000 : 200, text.starts_with(long_name) ? 1000 : 100, 2);
    for (std::size_t piece = 1; piece <= text.size() + 1; ++piece) {
      INFO("pieces of " << piece << ": " << text);
      CHECK(reply_code(text, rules, piece) == reply);
    }
  }
}
