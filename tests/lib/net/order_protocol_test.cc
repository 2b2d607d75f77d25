// Operators' orders and what became of them are written and read back, and nothing else is read.
#include "lib/net/order_protocol.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {
std::string_view body_of(const std::string& record) { return std::string_view{record}.substr(record_head); }
}  // namespace

TEST_CASE("orders are written and read back") {
  struct Case {
    char verb;
    std::string_view what;
  };
  constexpr Case cases[] = {{'H', "1j0r1kbl9t2cc42n9mq"},
                            {'R', "1j0r1kbl9t2cc42n9mq"},
                            {'D', "1j0r1kbl9t2cc42n9mq"},
                            {'X', "1j0r1kbl9t2cc42n9mq"},
                            {'F', "1j0r1kbl9t2cc42n9mq"},
                            {'W', "1j0r1kbl9t2cc42n9mq"},
                            {'A', "all"},
                            {'P', "@here.example"},
                            {'U', "local"},
                            {'Q', ""}};
  for (auto const& [verb, what] : cases) {
    std::string const text = Order{static_cast<OrderVerb>(verb), 4'294'967'295u, std::string{what}}.encoded();
    auto const back = Order::parse(Wire{body_of(text)});
    REQUIRE(back);
    CHECK(static_cast<char>(back->verb) == verb);
    CHECK(back->uid == 4'294'967'295u);
    CHECK(back->what == what);
    CHECK(is_about_message(back->verb) == (what.size() == 19));
  }
}

TEST_CASE("what is not an order is refused") {
  std::string const long_what = "P1:0,301:" + std::string(301, 'x') + ",";
  std::string_view const bad[] = {"",          "Z1:0,0:,",           "H1:0,3:all,", "H1:0,0:,",      "P1:0,",
                                  "P2:-1,0:,", "P10:4294967296,0:,", "P1:0,2:a\n,", "P1:0,1:a,1:b,", long_what};
  for (std::string_view const text : bad) {
    CAPTURE(text);
    CHECK_FALSE(Order::parse(Wire{text}));
  }
}

TEST_CASE("answers are written and read back; a line says when and who") {
  for (char const kind : std::string_view{"YSLNTI"}) {
    std::string const text = OrderAnswer{static_cast<OrderAnswer::Kind>(kind), "local", "why\nnot", 1795342395, 1000}.encoded();
    auto const back = OrderAnswer::parse(Wire{body_of(text)});
    REQUIRE(back);
    CHECK(static_cast<char>(back->kind) == kind);
    CHECK(back->what == "local");
    CHECK(back->text == "why?not");
    CHECK(back->time == (kind == 'I' ? 1795342395 : 0));
    CHECK(back->uid == (kind == 'I' ? 1000 : 0));
  }
  for (std::string_view const text : {"", "Z0:,0:,", "Y0:,", "Y0:,0:,1:0,", "I0:,0:,", "I0:,0:,1:x,1:0,"}) {
    CAPTURE(text);
    CHECK_FALSE(OrderAnswer::parse(Wire{text}));
  }
}
