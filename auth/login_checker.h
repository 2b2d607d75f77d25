// login_checker - decides whether somebody is who he says, and when he hears of it
//
// Whatever is wrong is answered failure_time after the question, and the slow-down: no sooner for a login that does not
// exist, and later by whole failure_times when the hash took longer. A password waits in a bounded queue until a worker is
// free.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "auth/auth_connection.h"
#include "auth/password_store.h"
#include "auth/password_workers.h"
#include "auth/remembered_logins.h"
#include "auth/slow_down.h"
#include "auth/ticket_table.h"

namespace postern {

struct Verdict {
  std::uint64_t connection;
  AuthAnswer answer;
  Milliseconds due;
  std::string service;  // the ticket is for it; empty: none
};

class LoginChecker {
 public:
  static constexpr Milliseconds failure_time = 500ms;
  static constexpr std::size_t most_waiting = 256;  // for a hash, and as many for a checker: neither kind shuts the other out
  static constexpr unsigned most_waiting_of_client = 2;
  static constexpr unsigned asking_workers = 4;

  static Result<LoginChecker> open();
  Status start_workers(unsigned hashing, int events);
  unsigned workers() const { return hashing_.count() + asking_.count(); }

  // A password. Nothing: a worker will say.
  std::optional<Verdict> begin(Attempt attempt);
  // SCRAM: the exchange goes on, or is over.
  std::optional<Verdict> begin_scram(Attempt attempt, std::string_view message, AuthConnection& connection);
  Verdict finish_scram(AuthConnection& connection, std::string_view message);
  std::optional<Verdict> worker_is_ready(unsigned worker);
  // Gives idle workers what waits. What was asked by who is gone is dropped.
  std::vector<Verdict> give_out(const std::function<bool(std::uint64_t)>& is_there);

  // Puts the ticket into an answer that is due now.
  void add_ticket(Verdict& verdict);
  TicketAnswer redeem(const TicketRequest& request);

 private:
  enum class Outcome : unsigned char { right, remembered, wrong, shut, not_here, later };
  LoginChecker(PasswordStore store, std::string key) : store_(std::move(store)), remembered_(std::move(key)) {}

  void refresh();
  void choose_check(Attempt& attempt, const PasswordEntry* entry) const;
  Outcome outcome_of(Attempt& attempt, const PasswordWorkers::Answer& answer) const;
  std::optional<Outcome> app_password_outcome(const Attempt& attempt, const PasswordEntry& entry) const;
  ScramKeys keys_of(const Attempt& attempt) const;
  Milliseconds slow_down(const Attempt& attempt, bool is_failure, Milliseconds now);
  Verdict conclude(const Attempt& attempt, Outcome outcome, std::string_view reason, std::string server_final = {});

  PasswordStore store_;
  RememberedLogins remembered_;
  SlowDown failures_;
  TicketTable tickets_;
  PasswordWorkers hashing_, asking_;
  std::deque<std::unique_ptr<Attempt>> waiting_;
  std::unordered_map<unsigned, std::unique_ptr<Attempt>> running_;  // by worker; those that ask come behind those that hash
};

}  // namespace postern
