// Tests of auth/tls_tickets: where the secrets of tickets are, and where they are not. Tickets themselves: tlsd_check.py.
#include "auth/tls_tickets.h"

#include <catch2/catch.hpp>
#include <utility>

using namespace postern;

TEST_CASE("what ticket keys were moved from holds no secret") {
  auto one = TicketKeys::make(), other = TicketKeys::make();
  REQUIRE(one);
  REQUIRE(other);
  auto const cipher_of = [](const TicketKeys& keys) { return keys.of_service("smtp").current.cipher; };
  auto const before = cipher_of(*one);
  CHECK(before != cipher_of(*other));
  TicketKeys const moved{*std::move(one)}, too{*std::move(other)};
  CHECK(cipher_of(moved) == before);
  CHECK(cipher_of(*one) != before);
  CHECK(cipher_of(*one) == cipher_of(*other));  // both are made from nothing
}
