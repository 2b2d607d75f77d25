// Tests of smtpd/smtp_reply: what queue-inject says becomes one line that a client can read, whatever it says.
#include "smtpd/smtp_reply.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("the queue's answers as replies") {
  struct {
    Fate fate;
    std::string text;
    std::string_view reply;
  } const cases[] = {
      {Fate::temporary, "4.3.1 The queue is nearly full", "452 4.3.1 The queue is nearly full"},
      {Fate::temporary, "4.3.0 A disk", "451 4.3.0 A disk"},
      {Fate::permanent, "5.3.4 Too large", "552 5.3.4 Too large"},
      {Fate::permanent, "5.6.0 Bad", "554 5.6.0 Bad"},
      {Fate::permanent, "4.3.0 the wrong class", "554 5.3.0 The queue does not take this message"},
      {Fate::temporary, "5.3.0 the wrong class", "451 4.3.0 The queue does not take this message now"},
      {Fate::temporary, "", "451 4.3.0 The queue does not take this message now"},
      {Fate::temporary, "4.3.0 ", "451 4.3.0 The queue does not take this message now"},
      {Fate::temporary, "4.3.0 a\r\n250 Ok", "451 4.3.0 The queue does not take this message now"},
      {Fate::temporary, "4.3.0 \xff", "451 4.3.0 The queue does not take this message now"},
      {Fate::temporary, "4.3.0 " + std::string(400, 'x'), "451 4.3.0 The queue does not take this message now"},
  };
  for (auto const& [fate, text, reply] : cases) CHECK(reply_of(QueueAnswer{std::nullopt, fate, text}) == reply);
  auto const id = QueueId::parse(Wire{std::string_view{"0123456789abcdefghi"}});
  REQUIRE(id.has_value());
  CHECK(reply_of(QueueAnswer{*id, Fate::temporary, ""}) == "250 2.0.0 Ok: queued as 0123456789abcdefghi");
}
