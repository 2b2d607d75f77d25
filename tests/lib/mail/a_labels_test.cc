#include "lib/mail/a_labels.h"

#include <catch2/catch.hpp>

#include "lib/core/wire.h"

using namespace postern;

TEST_CASE("A-labels") {
  auto const of = [](std::string_view text) { return a_labels(*Domain::parse(Wire{text})); };
  CHECK(*of("example.org") == "example.org");
  CHECK(*of("[192.0.2.1]") == "[192.0.2.1]");
  CHECK(*of("B\xc3\x9c"
            "CHER.example") == "xn--bcher-kva.example");
  CHECK(*of("fa\xc3\x9f.de") == "xn--fa-hia.de");
  CHECK_FALSE(of("\xe2\x80\x8d.example"));  // a joiner alone
}

TEST_CASE("a domain in its own script") {
  auto const of = [](std::string_view text) { return u_labels(*Domain::parse(Wire{text})); };
  CHECK(of("example.org") == "example.org");
  CHECK(of("[192.0.2.1]") == "[192.0.2.1]");
  CHECK(of("xn--bcher-kva.example") ==
        "b\xc3\xbc"
        "cher.example");
  CHECK(of("xn--fa-hia.de") == "fa\xc3\x9f.de");
  CHECK(of("xn--zzzzzzzzzzzz.example") == "xn--zzzzzzzzzzzz.example");  // stands for nothing
  CHECK(of("xn--a.b") == "xn--a.b");
}
