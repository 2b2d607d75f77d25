#include "tools/client_counts.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {

IpAddress ip(std::string_view text) { return *IpAddress::parse(Wire{text}); }

}  // namespace

TEST_CASE("connections are counted in all and for each client") {
  ClientCounts counts{3, 2};
  CHECK(counts.open() == 0);
  CHECK_FALSE(counts.is_full());
  CHECK_FALSE(counts.has_too_many(ip("192.0.2.1")));

  counts.opened(10, ip("192.0.2.1"), 5ms);
  counts.opened(11, ip("::ffff:192.0.2.1"), 6ms);
  CHECK(counts.open_of(ip("192.0.2.1")) == 2);
  CHECK(counts.has_too_many(ip("192.0.2.1")));
  CHECK_FALSE(counts.has_too_many(ip("192.0.2.2")));
  CHECK_FALSE(counts.is_full());

  counts.opened(12, ip("2001:db8::1"), 7ms);
  CHECK(counts.is_full());
  CHECK(counts.open_of(ip("2001:db8::2")) == 1);

  auto const closed = counts.closed(11);
  REQUIRE(closed);
  CHECK(closed->remote == ip("192.0.2.1"));
  CHECK(closed->opened == 6ms);
  CHECK_FALSE(counts.is_full());
  CHECK_FALSE(counts.has_too_many(ip("192.0.2.1")));
  CHECK_FALSE(counts.closed(11));  // once
  CHECK_FALSE(counts.closed(99));  // not ours
  CHECK(counts.closed(10));
  CHECK(counts.closed(12));
  CHECK(counts.open() == 0);
  CHECK(counts.open_of(ip("192.0.2.1")) == 0);
}

TEST_CASE("a process number that comes back is a new connection") {
  ClientCounts counts{10, 10};
  for (int i = 0; i < 1000; ++i) {
    counts.opened(7, ip("192.0.2.1"), Milliseconds{i});
    auto const closed = counts.closed(7);
    REQUIRE(closed);
    CHECK(closed->opened == Milliseconds{i});
  }
  CHECK(counts.open_of(ip("192.0.2.1")) == 0);
}
