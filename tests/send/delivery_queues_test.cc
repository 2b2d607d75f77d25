#include "send/delivery_queues.h"

#include <catch2/catch.hpp>

#include "tests/send/queues_fixture.h"

using namespace postern;

namespace {

// Mailboxes only, one job a transaction.
struct Fixture : QueuesFixture {
  explicit Fixture(std::uint32_t in_all = 100, std::uint32_t a_mailbox = 100)
      : QueuesFixture({in_all, a_mailbox, 0, DomainValues<std::uint32_t>{1}}) {}

  Index put(const std::string& mailbox) { return put_one(Lane::local, mailbox); }
  Index next(Tick now = 0) { return next_one(Lane::local, now); }
  std::size_t start_all(Tick now = 0) {
    std::size_t started = 0;
    while (next(now) != no_index) ++started;
    return started;
  }
};

}  // namespace

TEST_CASE("destinations take turns") {
  Fixture f;
  for (int i = 0; i < 5; ++i) f.put("long");
  f.put("a");
  f.put("b");
  std::vector<std::string> order;
  for (Index job; (job = f.next(0)) != no_index;) order.push_back(f.destination_of(job));
  CHECK(order == std::vector<std::string>{"long", "a", "b", "long"});  // and its first window is two
}

TEST_CASE("one destination's messages are delivered in the order in which they came") {
  Fixture f;
  std::vector<Index> put;
  for (int i = 0; i < 5; ++i) put.push_back(f.put("a"));
  for (Index const expected : put) {
    Index const job = f.next(0);
    REQUIRE(job == expected);
    f.end(job, Verdict::success);
  }
}

TEST_CASE("a window grows with success up to the limit of a mailbox") {
  Fixture f{100, 5};
  for (int i = 0; i < 100; ++i) f.put("a");
  std::vector<Index> running;
  std::vector<std::size_t> widths;
  for (int turn = 0; turn < 5; ++turn) {
    for (Index job; (job = f.next(0)) != no_index;) running.push_back(job);
    widths.push_back(running.size());
    f.end(running.front(), Verdict::success);
    running.erase(running.begin());
  }
  CHECK(widths == std::vector<std::size_t>{2, 3, 4, 5, 5});
}

TEST_CASE("a window halves with failures, and after five in a row the destination rests, and only it") {
  Fixture f{100, 8};
  for (int i = 0; i < 40; ++i) f.put("bad");
  std::vector<Index> first;
  for (int i = 0; i < 7; ++i) f.end(f.next(0), Verdict::success);
  CHECK(f.start_all() == 8);
  for (Index job = 0; job < f.queues.table().jobs_end() && first.size() < 8; ++job)
    if (f.queues.table().job(job).phase == Phase::running) first.push_back(job);
  f.end(first[0], Verdict::passing_failure);
  f.end(first[1], Verdict::passing_failure);  // the window is 2 now, and 6 run
  CHECK(f.start_all() == 0);
  for (std::size_t i = 2; i < 5; ++i) f.end(first[i], Verdict::passing_failure);
  Index const other = f.put("good");
  CHECK(f.next(0) == other);
  CHECK(f.next(0) == no_index);
  for (std::size_t i = 5; i < 8; ++i) f.end(first[i], Verdict::passing_failure);  // of before the rest: no new one
  Tick const rest = 300 * ticks_a_second;
  f.queues.advance(rest - 1);
  CHECK(f.next(rest - 1) == no_index);
  CHECK(f.queues.next_due() == rest);
  f.queues.advance(rest);
  Index const probe = f.next(rest);
  REQUIRE(probe != no_index);
  CHECK(f.next(rest) == no_index);  // one shows whether it is well again
  f.end(probe, Verdict::passing_failure, rest);
  CHECK(f.next(rest) == no_index);
  Tick const second = rest + 450 * ticks_a_second;
  f.queues.advance(second);
  Index const again = f.next(second);
  REQUIRE(again != no_index);
  f.end(again, Verdict::success, second);
  CHECK(f.start_all(second) == 2);
}

TEST_CASE("a failure for good says nothing about the destination") {
  Fixture f{100, 8};
  for (int i = 0; i < 30; ++i) f.put("a");
  for (int i = 0; i < 20; ++i) f.end(f.next(0), Verdict::refused);
  CHECK(f.start_all() == 2);
}

TEST_CASE("the limit in all holds, 0 halts, and a new limit counts at once") {
  Fixture f{3, 100};
  for (int i = 0; i < 10; ++i) f.put(std::string(1, static_cast<char>('a' + i)));
  CHECK(f.start_all() == 3);
  f.queues.set_limits({0, 100, 0, DomainValues<std::uint32_t>{1}});
  CHECK(f.start_all() == 0);
  CHECK(f.queues.running(Lane::local) == 3);
  f.queues.set_limits({7, 100, 0, DomainValues<std::uint32_t>{1}});
  CHECK(f.start_all() == 4);
}

TEST_CASE("what an earlier queue-send started counts against the limits") {
  Fixture f{2, 100};
  Index const inherited = f.put("a");
  f.queues.unready(inherited);
  f.queues.make_running(inherited);
  f.put("b");
  f.put("c");
  CHECK(f.start_all() == 1);
  f.end(inherited, Verdict::success);
  CHECK(f.start_all() == 1);
}

TEST_CASE("any ready job can be taken out of its line") {
  for (int out = 0; out < 3; ++out) {
    Fixture f;
    std::vector<Index> jobs = {f.put("a"), f.put("a"), f.put("a")};
    f.queues.unready(jobs[static_cast<std::size_t>(out)]);
    jobs.erase(jobs.begin() + out);
    Index const last = f.put("a");
    jobs.push_back(last);
    for (Index const expected : jobs) {
      Index const job = f.next(0);
      REQUIRE(job == expected);
      f.end(job, Verdict::success);
    }
    CHECK(f.next(0) == no_index);
  }
}

TEST_CASE("a job waits until it is due, and a flush makes it ready now") {
  Fixture f;
  Index const job = f.put("a");
  REQUIRE(f.next(0) == job);
  f.queues.finished(job, Verdict::passing_failure, 0);
  f.queues.wait(job, 50);
  CHECK(f.queues.next_due() == 50);
  f.queues.advance(49);
  CHECK(f.next(49) == no_index);
  SECTION("due") {
    f.queues.advance(50);
    CHECK(f.next(50) == job);
  }
  SECTION("flushed by name") {
    f.queues.flush(f.queues.table().job(job).message);
    CHECK(f.next(49) == job);
    f.queues.advance(50);  // the old time is nothing now
    CHECK(f.next(50) == no_index);
  }
  SECTION("flushed with all") {
    f.queues.flush_all();
    CHECK(f.next(49) == job);
    CHECK(f.queues.next_due() == Queues::never);
  }
}

TEST_CASE("a delivery that could not be started is the first of its destination again") {
  Fixture f;
  Index const a = f.put("a");
  Index const b = f.put("a");
  CHECK(f.next(0) == a);
  f.queues.give_back({a});
  CHECK(f.next(0) == a);
  CHECK(f.next(0) == b);
  CHECK(f.queues.running(Lane::local) == 2);
}

TEST_CASE("destinations without messages are forgotten") {
  Fixture f;
  for (int i = 0; i < 1000; ++i) {
    f.put("mailbox" + std::to_string(i));
    f.end(f.next(0), Verdict::success);
  }
  CHECK(f.queues.destinations() == 0);
}
