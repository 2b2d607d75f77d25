#include "lib/net/login_protocol.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {
const std::string ticket = "0123456789abcdef0123456789abcdef";
}

TEST_CASE("what is handed to auth/login comes out the same") {
  for (const char* const service : {"pop3", "imap", "abcdefghijklmnop"})
    for (bool const is_utf8 : {false, true}) {
      LoginOffer const offer = is_utf8 ? LoginOffer::binding : LoginOffer::passwords;
      LoginRequest const request{service, ticket, is_utf8, offer};
      std::string const message = request.encoded();
      CHECK(message.size() == login_request_size);
      auto const again = LoginRequest::parse(Wire{message});
      REQUIRE(again);
      CHECK(*again == request);
    }
}

TEST_CASE("auth/login takes nothing but its message") {
  std::string const good = LoginRequest{"pop3", ticket, false, LoginOffer::scram}.encoded();
  std::string const bad[] = {
      "",
      good.substr(1),
      good + "-",
      std::string(login_request_size, ' '),
      std::string(login_request_size, '\0'),
      "POP3            " + ticket + "--",
      " pop3           " + ticket + "--",
      "pop3 x          " + ticket + "--",
      "../../../bin/sh " + ticket + "--",
      "pop3            " + ticket.substr(1) + "g--",
      "pop3            " + ticket + "x-",
      "pop3            " + ticket + "-x",
  };
  for (const std::string& message : bad) {
    CAPTURE(message);
    CHECK_FALSE(LoginRequest::parse(Wire{message}));
  }
}
