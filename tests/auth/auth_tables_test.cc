// What authd remembers: tickets, successes and failures, with clocks of the test's.
#include <catch2/catch.hpp>

#include "auth/remembered_logins.h"
#include "auth/slow_down.h"
#include "auth/ticket_table.h"
#include "lib/net/auth_protocol.h"

using namespace postern;

TEST_CASE("a ticket is good once, for ten seconds, for its service") {
  TicketTable tickets;
  auto const ticket = [&](Milliseconds now) { return *tickets.issue("alice", "pop3", now); };
  std::string const first = ticket(0s);
  CHECK(first.size() == ticket_length);
  CHECK(first != ticket(0s));
  CHECK(tickets.redeem(first, "pop3", 0s) == "alice");
  CHECK_FALSE(tickets.redeem(first, "pop3", 0s));
  std::string const other = ticket(0s);
  CHECK_FALSE(tickets.redeem(other, "imap", 1s));
  CHECK_FALSE(tickets.redeem(other, "pop3", 1s));  // asked for by the wrong service, it is gone
  CHECK(tickets.redeem(ticket(20s), "pop3", 20s + TicketTable::lifetime - 1ms) == "alice");
  CHECK_FALSE(tickets.redeem(ticket(20s), "pop3", 20s + TicketTable::lifetime));
  CHECK_FALSE(tickets.redeem("", "pop3", 20s));
}

TEST_CASE("tickets that nobody redeems are bounded, and go") {
  TicketTable tickets;
  std::string const oldest = *tickets.issue("alice", "imap", 0s);
  for (std::size_t i = 0; i < 2 * TicketTable::most; ++i) CHECK(tickets.issue("bob", "imap", 1s));
  CHECK(tickets.size() <= TicketTable::most);
  CHECK_FALSE(tickets.redeem(oldest, "imap", 1s));
  CHECK(tickets.issue("bob", "imap", 60s));
  CHECK(tickets.size() == 1);
}

TEST_CASE("a success is remembered for ten minutes, for that login, service and password") {
  RememberedLogins logins{std::string(32, 'k')};
  logins.add('p', "alice", "imap", "secret", "alice", 0s);
  CHECK(logins.find('p', "alice", "imap", "secret", RememberedLogins::kept - 1ms) == "alice");
  CHECK_FALSE(logins.find('p', "alice", "imap", "secret", RememberedLogins::kept));
  for (auto const& [kind, login, service, proof] : {std::tuple{'s', "alice", "imap", "secret"},
                                                    {'p', "bob", "imap", "secret"},
                                                    {'p', "alice", "pop3", "secret"},
                                                    {'p', "alice", "imap", "Secret"},
                                                    {'p', "alic", "eimap", "secret"}})
    CHECK_FALSE(logins.find(kind, login, service, proof, 1s));
  logins.add('p', "alice", "imap", "secret", "alice", 5min);  // no later for being used
  CHECK_FALSE(logins.find('p', "alice", "imap", "secret", RememberedLogins::kept));
  logins.forget();
  CHECK(logins.size() == 0);
  for (std::size_t i = 0; i < RememberedLogins::most + 100; ++i) logins.add('p', "alice", "imap", std::to_string(i), "alice", 1s);
  CHECK(logins.size() <= RememberedLogins::most);
  CHECK_FALSE(logins.find('p', "alice", "imap", "0", 1s));
  CHECK(logins.find('p', "alice", "imap", std::to_string(RememberedLogins::most + 99), 1s));
  logins.add('p', "alice", "imap", "x", "alice", 1h);
  CHECK(logins.size() == 1);
}

TEST_CASE("failures slow down, by and by, up to a limit, and are forgotten") {
  SlowDown failures;
  Milliseconds const waits[] = {0ms, 0ms, 0ms, 0ms, 250ms, 500ms, 1s, 2s, 4s, 8s, 16s, 16s, 16s, 16s};
  for (Milliseconds const wait : waits) {
    CHECK(failures.wait("a", 0, 0s) == wait);
    CHECK(failures.wait("b", 0, 0s) == 0s);
    failures.count("a", 0s);
  }
  CHECK(failures.wait("a", 2, 0s) == 16s);
  CHECK(failures.wait("a", 6, 0s) == 1s);
  CHECK(failures.wait("a", 0, SlowDown::forgets_one * 5 - 1ms) == 4s);  // eight of twelve are left
  CHECK(failures.wait("a", 0, SlowDown::forgets_one * 5) == 2s);
  CHECK(failures.wait("a", 0, SlowDown::forgets_one * 9) == 0s);
  CHECK(failures.wait("a", 0, 24h) == 0s);
}

TEST_CASE("failures a little less than two minutes apart are forgotten nearly as fast as they come") {
  SlowDown failures;
  for (int i = 0; i < 100; ++i) failures.count("phone", i * (SlowDown::forgets_one - 1s));
  CHECK(failures.wait("phone", 0, 100 * (SlowDown::forgets_one - 1s)) == 0s);
}

TEST_CASE("a flood of others' failures neither grows nor forgets who fails much") {
  SlowDown failures;
  for (unsigned i = 0; i < 12; ++i) failures.count("guesser", 0s);
  for (std::size_t i = 0; i < 4 * SlowDown::most_keys; ++i) failures.count("other" + std::to_string(i), 0s);
  CHECK(failures.size() <= SlowDown::most_keys);
  CHECK(failures.wait("guesser", 0, 0s) == SlowDown::most_wait);
}
