#include <catch2/catch.hpp>

#include <map>
#include <set>

#include "tests/send/queues_fixture.h"

using namespace postern;

namespace {

constexpr Tick second = ticks_a_second;

struct Fixture : QueuesFixture {
  explicit Fixture(std::uint32_t in_all = 100, std::uint32_t a_host = 20)
      : QueuesFixture({0, 1, in_all, DomainValues<std::uint32_t>{a_host}}) {}

  Index put(const std::string& host) { return put_one(Lane::remote, host); }
  Index next(Tick now = 0) { return next_one(Lane::remote, now); }
  // All jobs of a transaction end alike, and are done with unless they failed for now.
  bool end_all(std::vector<Index> ended, Verdict verdict, Tick now = 0) {
    bool rests = false;
    for (Index const job : ended) {
      if (verdict == Verdict::unreachable) {
        rests = queues.finished(job, verdict, now) || rests;
        queues.make_ready(job);
      } else {
        end(job, verdict, now);
      }
    }
    return rests;
  }
  // Makes a host one that answers.
  void greet(const std::string& host, Tick now = 0) {
    put(host);
    REQUIRE(next(now) != no_index);
    end_all(jobs, Verdict::success, now);
  }
  std::vector<std::vector<Index>> start_all(Tick now = 0) {
    std::vector<std::vector<Index>> started;
    while (next(now) != no_index) started.push_back(jobs);
    return started;
  }
};

std::string host(int number) { return "host" + std::to_string(number) + ".example"; }

}  // namespace

TEST_CASE("recipients of one message and one destination go together, up to 100, in order; and count as one") {
  Fixture f;
  Index const message = f.put_many(Lane::remote, "a.example", 250);
  f.new_job(message, 250, Lane::remote, "b.example");
  std::vector<std::size_t> sizes;
  std::vector<std::uint32_t> recipients;
  while (f.next() != no_index) {
    sizes.push_back(f.jobs.size());
    CHECK(f.queues.running(Lane::remote) == 1);
    if (f.jobs.size() > 1)
      for (Index const job : f.jobs) recipients.push_back(f.queues.table().job(job).recipient);
    f.end_all(f.jobs, Verdict::success);
  }
  CHECK(sizes == std::vector<std::size_t>{100, 100, 50, 1});  // the connection is open
  REQUIRE(recipients.size() == 250);
  for (std::uint32_t i = 0; i < 250; ++i) CHECK(recipients[i] == i);
}

TEST_CASE("a message with many recipients does not hold up another of the same destination") {
  Fixture f{100, 1};
  Index const big = f.put_many(Lane::remote, "a.example", 1000);
  Index const small = f.message_of(f.put("a.example"));
  Index const other_big = f.put_many(Lane::remote, "a.example", 150);
  std::vector<Index> order;
  while (f.next() != no_index) {
    order.push_back(f.message_of(f.jobs.front()));
    for (Index const job : f.jobs) CHECK(f.message_of(job) == order.back());
    f.end_all(f.jobs, Verdict::success);
  }
  std::vector<Index> expected = {big, small, other_big, big, other_big};
  expected.insert(expected.end(), 8, big);
  CHECK(order == expected);
}

TEST_CASE("any job can be taken out of a line of runs, and what is left still goes together") {
  for (Index out = 0; out < 9; ++out) {
    for (Index second_out = 0; second_out < 9; ++second_out) {
      CAPTURE(out, second_out);
      Fixture f;
      std::vector<Index> jobs;
      std::map<Index, std::size_t> counts;
      for (int message = 0; message < 3; ++message) {
        Index const index = f.new_message();
        for (std::uint32_t i = 0; i < 3; ++i) jobs.push_back(f.new_job(index, i, Lane::remote, "a.example"));
      }
      f.queues.unready(jobs[out]);
      if (second_out != out) f.queues.unready(jobs[second_out]);
      for (std::size_t i = 0; i < jobs.size(); ++i)
        if (i != out && i != second_out) ++counts[f.message_of(jobs[i])];
      std::map<Index, std::size_t> sizes;
      while (f.next() != no_index) {
        Index const message = f.message_of(f.jobs.front());
        CHECK(sizes.count(message) == 0);  // one transaction each
        sizes[message] = f.jobs.size();
        f.end_all(f.jobs, Verdict::success);
      }
      CHECK(sizes == counts);
    }
  }
}

TEST_CASE("two runs of a message that meet become one") {
  Fixture f;
  Index const message = f.put_many(Lane::remote, "a.example", 2);
  Index const between = f.put("a.example");
  for (std::uint32_t i = 2; i < 4; ++i) f.new_job(message, i, Lane::remote, "a.example");
  f.queues.unready(between);
  REQUIRE(f.next() != no_index);
  CHECK(f.jobs.size() == 4);
}

TEST_CASE("the first connection shows whether a host answers; then the window grows, and falls by half") {
  Fixture f{1000, 8};
  for (int i = 0; i < 200; ++i) f.put("a.example");
  std::vector<std::size_t> widths;
  std::vector<std::vector<Index>> running;
  for (int turn = 0; turn < 9; ++turn) {
    for (auto& started : f.start_all()) running.push_back(started);
    widths.push_back(running.size());
    f.end_all(running.front(), Verdict::success);
    running.erase(running.begin());
  }
  CHECK(widths == std::vector<std::size_t>{1, 2, 3, 4, 5, 6, 7, 8, 8});
  for (auto& started : f.start_all()) running.push_back(started);
  REQUIRE(running.size() == 8);
  CHECK(f.end_all(running[0], Verdict::unreachable, 100));        // "421 too many connections"
  CHECK_FALSE(f.end_all(running[1], Verdict::unreachable, 100));  // of the same kind, at the same time: no more harm
  for (std::size_t i = 2; i < 8; ++i) f.end_all(running[i], Verdict::success, 101);
  CHECK(f.next(100 + 10 * second - 1) == no_index);
  f.queues.advance(100 + 10 * second);
  CHECK(f.start_all(100 + 10 * second).size() >= 4);
}

TEST_CASE("a host that never answered rests at once, by the schedule; its mail waits there, and one connection probes it") {
  Fixture f;
  for (int i = 0; i < 3; ++i) f.put("dead.example");
  Index const first = f.next();
  REQUIRE(first != no_index);
  CHECK(f.next() == no_index);
  CHECK(f.end_all(f.jobs, Verdict::unreachable));
  Tick now = 0;
  for (Tick const rest : {300, 450, 675, 1012}) {
    CHECK(f.next(now + rest * second - 1) == no_index);
    CHECK(f.queues.next_due() == now + rest * second);
    now += rest * second;
    f.queues.advance(now);
    Index const probe = f.next(now);
    REQUIRE(probe != no_index);
    CHECK(f.next(now) == no_index);
    f.end_all({probe}, Verdict::unreachable, now);
  }
  f.queues.advance(now += 1518 * second);
  REQUIRE(f.next(now) != no_index);
  f.end_all(f.jobs, Verdict::success, now);
  CHECK(f.start_all(now).size() == 2);  // it is well: the window grows
}

TEST_CASE("each message of a resting host has its turn as the probe") {
  Fixture f;
  std::set<Index> put, probed;
  for (int i = 0; i < 4; ++i) put.insert(f.put("dead.example"));
  for (Tick now = 0; probed.size() < 4; now += 4 * 3600 * second) {
    f.queues.advance(now);
    Index const probe = f.next(now);
    REQUIRE(probe != no_index);
    CHECK(probed.insert(probe).second);
    f.end_all({probe}, Verdict::unreachable, now);
  }
  CHECK(probed == put);
}

TEST_CASE("a refusal, for good or for now, says that the host is well") {
  Fixture f;
  for (int i = 0; i < 20; ++i) f.put("a.example");
  for (int i = 0; i < 20; ++i) {
    REQUIRE(f.next() != no_index);
    f.end_all(f.jobs, Verdict::refused);
  }
  CHECK(f.queues.health_of(0).window() == 1);
}

TEST_CASE("hosts that fail, are slow or unheard of leave room for those that answer quickly") {
  constexpr Tick slowly = 6 * second;
  struct {
    bool do_quick_ones_wait;
    std::size_t failing, slow, unheard;  // of 40
  } const cases[] = {{false, 10, 20, 30}, {true, 5, 5, 30}};
  for (auto const& [do_quick_ones_wait, failing, slow, unheard] : cases) {
    CAPTURE(do_quick_ones_wait);
    for (char const kind : {'f', 's', 'u'}) {
      CAPTURE(kind);
      Fixture f{40, 1};
      Tick now = 0;
      for (int i = 0; i < 60; ++i) {
        f.put(host(i));
        REQUIRE(f.next(now) != no_index);
        if (kind == 'f') f.end_all(f.jobs, Verdict::unreachable, now);
        if (kind == 's') f.end_all(f.jobs, Verdict::success, now += slowly);
        if (kind == 'u') f.end_all(f.jobs, Verdict::unknown, now);
      }
      for (int i = 100; i < 200; ++i) f.greet(host(i), now);
      now += 300 * second;
      f.queues.advance(now);
      if (kind != 'f')
        for (int i = 0; i < 60; ++i) f.put(host(i));
      for (int i = 100; i < 200 && do_quick_ones_wait; ++i) f.put(host(i));
      std::size_t lingering = 0, quick = 0;
      for (auto const& jobs : f.start_all(now)) ++(f.destination_of(jobs.front()).size() == host(100).size() ? quick : lingering);
      CHECK(lingering == (kind == 'f' ? failing : kind == 's' ? slow : do_quick_ones_wait ? 20 : unheard));  // in turn, then
      CHECK(quick == (do_quick_ones_wait ? 40 - lingering : 0));
    }
  }
}

TEST_CASE("one that waits for a host in trouble does not wait for its share: rings take turns") {
  Fixture f{4, 4};
  for (int i = 0; i < 4; ++i) f.greet(host(i));
  for (int i = 0; i < 4; ++i)
    for (int message = 0; message < 10; ++message) f.put(host(i));
  f.put("new.example");
  std::set<std::string> started;
  for (auto const& jobs : f.start_all(5 * second)) started.insert(f.destination_of(jobs.front()));
  CHECK(started.contains("new.example"));
}

TEST_CASE("a host whose transaction has just ended goes on at once, for five seconds while others wait") {
  Fixture f{1, 1};
  f.greet("a.example");
  f.greet("b.example");
  for (int i = 0; i < 100; ++i) {
    f.put("a.example");
    f.put("b.example");
  }
  std::string order;
  for (Tick now = 10 * second; now < 30 * second; now += second) {
    REQUIRE(f.next(now) != no_index);
    order += f.destination_of(f.jobs.front())[0];
    f.end_all(f.jobs, Verdict::success, now + second);
  }
  CHECK(order == "aaaaabbbbbaaaaabbbbb");
}

TEST_CASE("the limit in all holds for other hosts alone, and 0 halts") {
  Fixture f{3, 1};
  for (int i = 0; i < 9; ++i) f.greet(host(i));
  for (int i = 0; i < 9; ++i) f.put(host(i));
  CHECK(f.start_all().size() == 3);
  f.queues.set_limits({0, 1, 0, DomainValues<std::uint32_t>{1}});
  CHECK(f.next() == no_index);
  f.queues.set_limits({0, 1, 5, DomainValues<std::uint32_t>{1}});
  CHECK(f.start_all().size() == 2);
}

TEST_CASE("some destinations have a limit of their own") {
  DomainValues<std::uint32_t> limits{2};
  limits.set(".big.example", 5);
  QueuesFixture f{{0, 1, 100, limits}};
  for (const char* const name : {"mx.big.example", "small.example"}) {
    for (int i = 0; i < 30; ++i) f.put_one(Lane::remote, name);
    for (int i = 0; i < 10; ++i) {
      REQUIRE(f.next_one(Lane::remote, 0) != no_index);
      f.end(f.jobs.front(), Verdict::success);
    }
    std::size_t started = 0;
    while (f.next_one(Lane::remote, 0) != no_index) ++started;
    CHECK(started == (name[0] == 'm' ? 5 : 2));
  }
}

TEST_CASE("a rate is kept, evenly, for a destination and for all of a group") {
  Fixture f{100, 100};
  f.queues.set_rates(*RateLimits::parse({"a.example:60", "mx:.pool.example:120"}));
  for (const char* const name : {"b.example", "c.example"}) {
    f.greet(name);
    f.queues.rates().learn(name, "mx7.pool.example");
  }
  for (int i = 0; i < 1000; ++i)
    for (const char* const name : {"a.example", "b.example", "c.example", "free.example"}) f.put(name);
  std::map<std::string, std::size_t> sent;
  std::size_t most_in_a_second = 0;
  for (Tick now = 0; now < 60 * second; ++now) {
    f.queues.advance(now);
    std::size_t const before = sent["a.example"];
    for (auto const& jobs : f.start_all(now)) {
      ++sent[f.destination_of(jobs.front())];
      f.end_all(jobs, Verdict::success, now);
    }
    most_in_a_second = std::max(most_in_a_second, sent["a.example"] - before);
  }
  CHECK(sent["free.example"] == 1000);
  CHECK(sent["a.example"] >= 60);
  CHECK(sent["a.example"] <= 64);
  CHECK(sent["b.example"] + sent["c.example"] >= 120);
  CHECK(sent["b.example"] + sent["c.example"] <= 128);
  CHECK(sent["b.example"] > 30);
  CHECK(sent["c.example"] > 30);
  CHECK(most_in_a_second <= 4);  // three seconds' worth, and one
}

TEST_CASE("what an earlier queue-send started comes back as one transaction") {
  Fixture f{2, 5};
  Index const message = f.put_many(Lane::remote, "a.example", 3);
  std::vector<Index> jobs;
  for (Index job = f.queues.table().message(message).first_job; job != no_index; job = f.queues.table().job(job).sibling)
    jobs.push_back(job);
  for (Index const job : jobs) {
    f.queues.unready(job);
    f.queues.make_running(job);
  }
  CHECK(f.queues.running(Lane::remote) == 1);
  f.put("b.example");
  CHECK(f.start_all().size() == 1);
  for (Index const job : jobs) f.end(job, Verdict::success);
  CHECK(f.queues.running(Lane::remote) == 1);
}

TEST_CASE("a transaction that could not be started is the first of its destination again, whole") {
  Fixture f;
  Index const message = f.put_many(Lane::remote, "a.example", 150);
  f.put("a.example");
  REQUIRE(f.next() != no_index);
  f.queues.give_back(f.jobs);
  CHECK(f.queues.running(Lane::remote) == 0);
  REQUIRE(f.next() != no_index);
  CHECK(f.jobs.size() == 100);
  CHECK(f.message_of(f.jobs.front()) == message);
}

TEST_CASE("a host that rests is remembered without any mail for it, and forgotten when many others were heard of since") {
  Fixture f;
  f.queues.remember("dead.example", 3, 1000, "4.4.1 no answer");
  CHECK(f.queues.destinations() == 1);
  Index const job = f.put("dead.example");
  CHECK(f.next(999) == no_index);
  CHECK(f.queues.why(job, 900) == "its destination rests for 10 s: 4.4.1 no answer");
  CHECK(f.queues.resting_hosts(999).size() == 1);
  f.queues.advance(1000);
  REQUIRE(f.next(1000) == job);
  f.end_all(f.jobs, Verdict::unreachable, 1000);
  CHECK(f.queues.next_due() == 1000 + 1012 * second);  // the fourth interval
  f.queues.unready(job);
  f.queues.remove(job);
  CHECK(f.queues.destinations() == 1);
  Tick const later = 1000 + 1012 * second;
  f.queues.advance(later);
  CHECK(f.queues.destinations() == 1);
  for (std::size_t i = 0; i < 2 * Queues::most_known; ++i) f.greet(host(static_cast<int>(i)), later);
  CHECK(f.queues.destinations() <= Queues::most_known + Queues::most_known / 4);
  Index const again = f.put("dead.example");
  CHECK(f.queues.health_of(f.queues.table().job(again).destination).rests() == 0);
}

TEST_CASE("nothing of a message that is held starts, and all of it when it is released") {
  Fixture f;
  Index const message = f.put_many(Lane::remote, "a.example", 3);
  Index const other = f.put("a.example");
  f.queues.hold(message);
  CHECK(f.next() == other);
  CHECK(f.next() == no_index);
  CHECK(f.queues.table().message(message).active == 0);
  f.queues.flush(message);
  f.queues.advance(1000);
  CHECK(f.next(1000) == no_index);
  f.queues.release(message);
  f.end_all({other}, Verdict::success, 1000);
  REQUIRE(f.next(1000) != no_index);
  CHECK(f.jobs.size() == 3);
}
