#include "auth/login_checker.h"

#include <algorithm>

#include "auth/secret_digest.h"
#include "lib/core/ascii.h"
#include "lib/core/base64.h"
#include "lib/core/wipe.h"
#include "lib/os/log.h"

namespace postern {
namespace {

// What is tried where there is no hash, so that it takes its time: a setting of yescrypt, and no digest that it makes.
constexpr std::string_view dummy_hash = "$y$j9T$ZDM.h8pDQMm6GcTZ8cBm0/$0000000000000000000000000000000000000000000";
constexpr unsigned more_for_account = 2;  // free failures: its owner's programs may try an old password
constexpr std::size_t salt_length = 16;

using Reason = AuthAnswer::Reason;

bool gets_ticket(std::string_view service) { return service == "pop3" || service == "imap"; }

}  // namespace

Result<LoginChecker> LoginChecker::open() { return LoginChecker{TRY(PasswordStore::open()), TRY(random_bytes(sha256_length))}; }

Status LoginChecker::start_workers(unsigned hashing, int events) {
  TRY(hashing_.start(hashing, events, 0));
  return asking_.start(asking_workers, events, hashing);
}

void LoginChecker::refresh() {
  if (store_.refresh()) remembered_.forget();
}

std::optional<LoginChecker::Outcome> LoginChecker::app_password_outcome(const Attempt& attempt,
                                                                        const PasswordEntry& entry) const {
  auto typed = canonical_app_password(attempt.password.bytes());
  if (!typed) return std::nullopt;
  std::string const digest = sha256(*typed);
  wipe(*typed);
  std::optional<Outcome> outcome;
  for (const AppPassword& app : entry.app_passwords)
    if (is_same_secret(digest, app.digest) && outcome != Outcome::right)
      outcome = app.opens(attempt.context.service) ? Outcome::right : Outcome::not_here;
  return outcome;
}

std::optional<Verdict> LoginChecker::begin(Attempt attempt) {
  refresh();
  attempt.login = store_.login_of(attempt.typed);
  attempt.is_trusted = attempt.client && store_.is_trusted(*attempt.client);
  const PasswordEntry* const entry = attempt.login ? store_.find(*attempt.login) : nullptr;
  if (attempt.login && !attempt.password.bytes().empty()) {
    auto const known =
        remembered_.find('p', attempt.login->text(), attempt.context.service, attempt.password.bytes(), monotonic_now());
    if (known) {
      if (auto found = Login::parse(Wire{*known}); found && !(*found == *attempt.login)) attempt.found = *std::move(found);
      return conclude(attempt, Outcome::remembered, "remembered");
    }
    if (auto const outcome = entry ? app_password_outcome(attempt, *entry) : std::nullopt)
      return conclude(attempt, *outcome, "app password");
    choose_check(attempt, entry);
  }
  if (attempt.hash.empty() && attempt.checkers.empty()) attempt.hash = dummy_hash;

  std::size_t own = 0, of_kind = 0;
  for (auto const& other : waiting_) {
    if (attempt.client && other->client && other->client->network() == attempt.client->network()) ++own;
    if (other->checkers.empty() == attempt.checkers.empty()) ++of_kind;
  }
  if (of_kind >= most_waiting) return conclude(attempt, Outcome::later, "too many wait");
  if (own >= most_waiting_of_client && !attempt.is_trusted)
    return conclude(attempt, Outcome::later, "too many of this client wait");
  waiting_.push_back(std::make_unique<Attempt>(std::move(attempt)));
  return std::nullopt;
}

// The login's hash, or the checkers' word where it has none.
void LoginChecker::choose_check(Attempt& attempt, const PasswordEntry* entry) const {
  if (entry && entry->hash) {
    attempt.hash = entry->hash->text();
    return;
  }
  std::string checkers = store_.checkers_of(*attempt.login);
  if (checkers.empty() || (entry && !entry->flags.empty())) return;
  auto const mailbox = store_.mailbox_of(*attempt.login);
  if (!mailbox) LogLine{"users"}.add("login", attempt.login->text()).add("error", mailbox.error().text()).write();
  if (!mailbox || !*mailbox) return;
  attempt.uid = (*mailbox)->uid;
  attempt.checkers = std::move(checkers);
}

std::vector<Verdict> LoginChecker::give_out(const std::function<bool(std::uint64_t)>& is_there) {
  std::vector<Verdict> verdicts;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    bool const asks = !(*at)->checkers.empty();
    PasswordWorkers& workers = asks ? asking_ : hashing_;
    bool const is_wanted = is_there((*at)->connection);
    auto const worker = is_wanted ? workers.idle() : std::nullopt;
    if (is_wanted && !worker) {
      ++at;  // one who waits for the other kind may be behind
      continue;
    }
    auto attempt = std::move(*at);
    at = waiting_.erase(at);
    if (!is_wanted) continue;
    PasswordJob job{attempt->password.bytes(), attempt->hash,           attempt->checkers, {},
                    attempt->context.service,  attempt->context.client, attempt->uid};
    if (attempt->login) job.login = attempt->login->text();
    if (workers.begin(*worker, job))
      running_[*worker + (asks ? hashing_.count() : 0)] = std::move(attempt);
    else
      verdicts.push_back(conclude(*attempt, Outcome::later, "a worker died"));
  }
  return verdicts;
}

std::optional<Verdict> LoginChecker::worker_is_ready(unsigned worker) {
  bool const is_asking = worker >= hashing_.count();
  auto const answer = is_asking ? asking_.finish(worker - hashing_.count()) : hashing_.finish(worker);
  auto const running = running_.extract(worker);
  if (running.empty()) return std::nullopt;
  refresh();
  Attempt& attempt = *running.mapped();
  if (!answer) return conclude(attempt, Outcome::later, "a worker died");
  if (answer->outcome == PasswordWorkers::Outcome::impossible && attempt.hash != dummy_hash)
    LogLine{"hash"}.add("login", attempt.login->text()).add("error", "crypt(3) knows no such scheme").write();
  Outcome const outcome = outcome_of(attempt, *answer);
  std::string_view reason = is_asking ? "checker" : "password";
  if (outcome == Outcome::later) reason = answer->text.empty() ? std::string_view{"no hash can be made"} : answer->text;
  return conclude(attempt, outcome, reason);
}

// The file may have changed since the hash was taken from it.
LoginChecker::Outcome LoginChecker::outcome_of(Attempt& attempt, const PasswordWorkers::Answer& answer) const {
  if (answer.outcome == PasswordWorkers::Outcome::later) return Outcome::later;
  const PasswordEntry* const entry = attempt.login ? store_.find(*attempt.login) : nullptr;
  if (answer.outcome != PasswordWorkers::Outcome::right) return Outcome::wrong;
  if (!attempt.checkers.empty()) {
    auto found = Login::parse(Wire{answer.login});
    if (!found || (entry && entry->hash)) return Outcome::wrong;
    attempt.found = *std::move(found);
    return Outcome::right;
  }
  return entry && entry->hash && entry->hash->text() == attempt.hash ? Outcome::right : Outcome::wrong;
}

// Of a login that has none, or is none: made up, and the same each time, so that nobody can tell.
ScramKeys LoginChecker::keys_of(const Attempt& attempt) const {
  const PasswordEntry* const entry = attempt.login ? store_.find(*attempt.login) : nullptr;
  std::string const name = attempt.login ? attempt.login->text() : to_lower(attempt.typed);
  ScramKeys made_up{store_.usual_iterations(), hmac_sha256(store_.seed(), "salt " + name).substr(0, salt_length),
                    hmac_sha256(store_.seed(), "stored " + name), hmac_sha256(store_.seed(), "server " + name)};
  return entry && entry->scram ? *entry->scram : made_up;  // made up for each, so that it takes as long
}

std::optional<Verdict> LoginChecker::begin_scram(Attempt attempt, std::string_view message, AuthConnection& connection) {
  refresh();
  attempt.is_trusted = attempt.client && store_.is_trusted(*attempt.client);
  auto const first = ScramFirst::parse(Wire{message});
  if (!first) return conclude(attempt, Outcome::wrong, first.error().what());
  attempt.typed = first->login;
  attempt.login = store_.login_of(attempt.typed);
  auto const nonce = random_bytes(18);
  if (!nonce) return conclude(attempt, Outcome::later, "no random bytes");
  auto exchange = ScramExchange::start(*first, keys_of(attempt), attempt.context, attempt.mechanism, base64(*nonce));
  if (!exchange) return conclude(attempt, Outcome::wrong, exchange.error().what());
  connection.scram = *std::move(exchange);
  connection.scram_attempt = std::move(attempt);
  return std::nullopt;
}

Verdict LoginChecker::finish_scram(AuthConnection& connection, std::string_view message) {
  refresh();
  Attempt attempt = *std::move(connection.scram_attempt);
  ScramExchange const exchange = *std::move(connection.scram);
  connection.scram.reset();
  connection.scram_attempt.reset();
  attempt.began = monotonic_now();
  auto const final = ScramFinal::parse(Wire{message});
  if (!final) return conclude(attempt, Outcome::wrong, final.error().what());
  auto outcome = exchange.finish(*final);
  const PasswordEntry* const entry = attempt.login ? store_.find(*attempt.login) : nullptr;
  if (!outcome.is_right || !entry || !entry->scram || !exchange.is_of(*entry->scram))
    return conclude(attempt, Outcome::wrong, "proof");
  attempt.password = std::move(outcome.client_key);
  bool const is_known =
      remembered_.find('s', attempt.login->text(), attempt.context.service, attempt.password.bytes(), monotonic_now())
          .has_value();
  return conclude(attempt, is_known ? Outcome::remembered : Outcome::right, is_known ? "remembered" : "proof",
                  outcome.server_final);
}

Milliseconds LoginChecker::slow_down(const Attempt& attempt, bool is_failure, Milliseconds now) {
  if (attempt.is_trusted) return 0ms;
  std::string const account = "l " + (attempt.login ? attempt.login->text() : sha256(attempt.typed));
  std::string const address = attempt.client ? "a " + attempt.client->network().text() : std::string{};
  Milliseconds wait = failures_.wait(account, more_for_account, now);
  if (attempt.client) wait = std::max(wait, failures_.wait(address, 0, now));
  if (is_failure) {
    failures_.count(account, now);
    if (attempt.client) failures_.count(address, now);
  }
  return wait;
}

Verdict LoginChecker::conclude(const Attempt& attempt, Outcome outcome, std::string_view reason, std::string server_final) {
  for (auto const* const login : {&attempt.login, &attempt.found}) {
    const PasswordEntry* const entry = *login ? store_.find(**login) : nullptr;
    bool const is_shut = entry && !entry->flags.empty();
    if (is_shut && (outcome == Outcome::right || outcome == Outcome::remembered)) outcome = Outcome::shut;
  }
  bool const is_right = outcome == Outcome::right || outcome == Outcome::remembered;
  Milliseconds const now = monotonic_now();
  bool const is_failure = !is_right && outcome != Outcome::later;
  Milliseconds const wait = outcome == Outcome::remembered ? 0ms : slow_down(attempt, is_failure, now);
  Verdict verdict{attempt.connection, {}, now, {}};
  if (!is_right || wait > 0ms) {
    verdict.due = attempt.began + failure_time + wait;
    while (verdict.due < now) verdict.due += failure_time;
  }

  bool const is_password = attempt.mechanism == "PLAIN";
  std::string const as = attempt.found ? attempt.found->text() : attempt.login ? attempt.login->text() : std::string{};
  if (outcome == Outcome::right)
    remembered_.add(is_password ? 'p' : 's', attempt.login->text(), attempt.context.service, attempt.password.bytes(), as, now);
  if (is_right) {
    verdict.answer.kind = AuthAnswer::Kind::yes;
    verdict.answer.login = as;
    verdict.answer.message = std::move(server_final);
    if (gets_ticket(attempt.context.service)) verdict.service = attempt.context.service;
  } else {
    verdict.answer.reason = outcome == Outcome::later      ? Reason::later
                            : outcome == Outcome::shut     ? Reason::shut
                            : outcome == Outcome::not_here ? Reason::service
                                                           : Reason::bad;
    verdict.answer.message = outcome == Outcome::later ? reason : "not let in";
  }
  LogLine line{is_right ? "login" : "no-login"};
  line.add("login", attempt.login ? std::string_view{attempt.login->text()} : std::string_view{attempt.typed});
  line.add("service", attempt.context.service)
      .add("client", attempt.context.client)
      .add("how", is_password ? "password" : attempt.mechanism);
  line.add(is_right ? "by" : "reason", outcome == Outcome::shut       ? "disabled"
                                       : outcome == Outcome::not_here ? "not for this service"
                                                                      : reason);
  if (wait > 0ms) line.add("slower", static_cast<std::uint64_t>(wait.count()));
  line.write();
  return verdict;
}

void LoginChecker::add_ticket(Verdict& verdict) {
  if (verdict.service.empty()) return;
  auto ticket = tickets_.issue(verdict.answer.login, verdict.service, monotonic_now());
  if (ticket) {
    verdict.answer.ticket = *std::move(ticket);
    return;
  }
  LogLine{"ticket"}.add("error", ticket.error().text()).write();
  verdict.answer = AuthAnswer{};
}

TicketAnswer LoginChecker::redeem(const TicketRequest& request) {
  auto const no = [&](std::string_view login, std::string_view text) {
    LogLine{"ticket"}.add("login", login).add("service", request.service).add("error", text).write();
    TicketAnswer answer;
    answer.text = text;
    return answer;
  };
  refresh();
  auto const name = tickets_.redeem(request.ticket, request.service, monotonic_now());
  if (!name) return no("", "no such ticket, or not any more");
  auto const login = Login::parse(Wire{*name});
  if (!login) return no(*name, "not a login");
  if (const PasswordEntry* const entry = store_.find(*login); entry && !entry->flags.empty()) return no(*name, "disabled");
  auto const mailbox = store_.mailbox_of(*login);
  if (!mailbox) return no(*name, mailbox.error().text());
  if (!*mailbox) return no(*name, "this login has no mailbox");
  return {true, *name, (*mailbox)->uid, (*mailbox)->gid, (*mailbox)->home, ""};
}

}  // namespace postern
