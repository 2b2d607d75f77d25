// Tests of dnsq/event_loop: what is ready is done, once or again and again, and an action may end any event.
#include "dnsq/event_loop.h"

#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <memory>

using namespace postern;

namespace {

struct Pair {
  Pair() {
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    ours = Fd{ends[0]};
    theirs = Fd{ends[1]};
  }
  void say() const { REQUIRE(write(theirs.number(), "x", 1) == 1); }
  Fd ours, theirs;
};

struct Seen {
  int times = 0;
  unsigned last = 0;
  static void note(void* seen, unsigned readiness) {
    ++static_cast<Seen*>(seen)->times;
    static_cast<Seen*>(seen)->last = readiness;
  }
};

void run(EventLoop& loop) { REQUIRE(loop.run_once()); }

}  // namespace

TEST_CASE("an event that does not persist happens once") {
  EventLoop loop = *EventLoop::make();
  Pair const pair;
  Seen seen;
  Event event{loop, pair.ours.number(), Seen::note, &seen};
  REQUIRE(event.start(is_readable, std::nullopt, false));
  pair.say();
  run(loop);
  CHECK(seen.times == 1);
  CHECK(seen.last == is_readable);
  CHECK_FALSE(event.is_started());
  Seen alarm;
  Event timer{loop, -1, Seen::note, &alarm};
  REQUIRE(timer.start(0, Milliseconds{1}, false));
  while (alarm.times == 0) run(loop);
  CHECK(seen.times == 1);  // though it is still readable
}

TEST_CASE("one that persists happens again, and its time begins anew") {
  EventLoop loop = *EventLoop::make();
  Pair const pair;
  Seen seen;
  Event event{loop, pair.ours.number(), Seen::note, &seen};
  REQUIRE(event.start(is_readable, Milliseconds{5}, true));
  while (seen.times < 2) run(loop);
  CHECK(seen.last == is_timed_out);
  pair.say();
  while (seen.last != is_readable) run(loop);
  CHECK(event.is_started());
}

TEST_CASE("a side that is gone is told apart") {
  EventLoop loop = *EventLoop::make();
  Pair pair;
  Seen seen;
  Event event{loop, pair.ours.number(), Seen::note, &seen};
  REQUIRE(event.start(0u + is_readable, std::nullopt, true));
  pair.theirs.close();
  run(loop);
  CHECK((seen.last & is_ended) != 0);
  CHECK((seen.last & is_readable) != 0);
}

TEST_CASE("an action may destroy its own event, and one that is ready as well") {
  EventLoop loop = *EventLoop::make();
  Pair const one, other;
  struct Both {
    std::unique_ptr<Event> events[2];
    int times = 0;
    static void end_both(void* both, unsigned) {
      auto& self = *static_cast<Both*>(both);
      ++self.times;
      for (auto& event : self.events) event.reset();
    }
  } both;
  both.events[0] = std::make_unique<Event>(loop, one.ours.number(), Both::end_both, &both);
  both.events[1] = std::make_unique<Event>(loop, other.ours.number(), Both::end_both, &both);
  for (auto& event : both.events) REQUIRE(event->start(is_readable, Milliseconds{0}, true));
  one.say();
  other.say();
  run(loop);
  CHECK(both.times == 1);
}

TEST_CASE("timers come in their order, and a stopped one never") {
  EventLoop loop = *EventLoop::make();
  std::string order;
  struct Note {
    std::string* order;
    char letter;
    static void write(void* note, unsigned) { *static_cast<Note*>(note)->order += static_cast<Note*>(note)->letter; }
  } notes[] = {{&order, 'a'}, {&order, 'b'}, {&order, 'c'}};
  Event a{loop, -1, Note::write, &notes[0]}, b{loop, -1, Note::write, &notes[1]}, c{loop, -1, Note::write, &notes[2]};
  REQUIRE(c.start(0, Milliseconds{20}, false));
  REQUIRE(a.start(0, Milliseconds{1}, false));
  REQUIRE(b.start(0, Milliseconds{5}, false));
  b.stop();
  while (order.size() < 2) run(loop);
  CHECK(order == "ac");
}
