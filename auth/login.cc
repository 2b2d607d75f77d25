// login - become a mailbox's user and start its session; the only way from a login to a mailbox
//
// run by   its s6 service, as root: `login /path/to/pop3d`
// fds      0 listening socket; login programs, for pn-login (lib/net/login_protocol.h)   2 > log
// talks to run/authd-tickets/s, for each request        starts  pop3d, as the mailbox's uid, in its home
// exits    0 told to stop; sessions go on   100 wrong arguments   111 system trouble
// see      login(8)
//
// It parses two things: a message of fixed size, in which nothing is what a stranger typed, and authd's answer about the
// ticket in it. Who speaks POP3 with the stranger can name no mailbox: only a ticket that authd gave for one.
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <list>
#include <unordered_map>

#include "lib/mail/login.h"
#include "lib/net/login_protocol.h"
#include "lib/net/record.h"
#include "lib/os/directory.h"
#include "lib/os/io.h"
#include "lib/os/listener.h"
#include "lib/os/log.h"
#include "lib/os/program.h"
#include "lib/os/signals.h"
#include "lib/os/socket.h"
#include "lib/os/spawn.h"

namespace postern {
namespace {

constexpr uid_t lowest_uid = 100;  // below are the system's own accounts
constexpr std::size_t most_sessions = 1000;
constexpr unsigned most_per_mailbox = 10;
constexpr std::size_t most_askers = 100;
constexpr Milliseconds asker_patience = 5s;
constexpr Milliseconds authd_patience = 5s;

// A login program that has connected; its message comes at once or not at all.
struct Asker {
  Fd socket;
  Deadline deadline;
};

class Logins {
 public:
  Logins(std::string pop3d, std::string here, Accounts accounts)
      : pop3d_(std::move(pop3d)), here_(std::move(here)), accounts_(std::move(accounts)) {}

  Status run(const Fd& signals);

 private:
  void accept_one();
  void hear(const Asker& asker);
  LoginAnswer start(const LoginRequest& request, const Fd& client);
  Status check(const TicketAnswer& mailbox) const;
  void reap();
  Deadline next_end() const;

  std::string pop3d_;
  std::string here_;  // Postern's directory
  Accounts accounts_;
  std::list<Asker> askers_;
  Listener listener_{0};
  std::unordered_map<pid_t, uid_t> sessions_;
  std::unordered_map<uid_t, unsigned> sessions_of_;
};

Result<TicketAnswer> redeem(const LoginRequest& request) {
  Deadline const deadline = Deadline::in(authd_patience);
  Fd const authd = TRY(connect_stream_at_once(service_socket("authd-tickets")));
  TRY(write_all(authd.number(), TicketRequest{request.service, request.ticket}.encoded(), deadline));
  char head[record_head];
  TRY(read_exactly(authd.number(), head, deadline));
  std::string body(TRY(record_body_length(Wire{std::string_view{head, sizeof head}}, auth_record_most)), '\0');
  TRY(read_exactly(authd.number(), body, deadline));
  auto answer = TRY(TicketAnswer::parse(Wire{body}));
  if (!answer.is_valid) return Error{Fate::permanent, "the ticket is not valid:", answer.text};
  return answer;
}

void Logins::accept_one() {
  Fd socket = listener_.accept(SOCK_NONBLOCK);
  if (!socket.is_open()) return;
  auto const peer = peer_of(socket.number());
  if (!peer) return LogLine{"refused"}.add("error", peer.error().text()).write();
  if (peer->uid != accounts_.uid_of(Account::login))
    return LogLine{"refused"}.add("uid", std::uint64_t{peer->uid}).add("reason", "not pn-login").write();
  askers_.push_back({std::move(socket), Deadline::in(asker_patience)});
}

void Logins::hear(const Asker& asker) {
  char room[login_request_size + 1];
  auto const received = receive_with_fd(asker.socket.number(), room);
  if (!received) return LogLine{"refused"}.add("error", received.error().text()).write();
  if (received->bytes == 0) return;
  auto const request = LoginRequest::parse(Wire{std::string_view{room, received->bytes}});
  if (!request || !received->fd.is_open())
    return LogLine{"refused"}.add("error", request ? "a request without its client" : request.error().text()).write();
  auto const answer = static_cast<char>(start(*request, received->fd));
  [[maybe_unused]] auto const told = write_all(asker.socket.number(), {&answer, 1}, Deadline::in(0ms));
}

Status Logins::check(const TicketAnswer& mailbox) const {
  if (mailbox.uid < lowest_uid || accounts_.account_of(mailbox.uid))
    return permanent("the mailbox has a uid of the system:", mailbox.name);
  struct stat home {};
  if (mailbox.home.empty() || mailbox.home.front() != '/') return permanent("the home is no path:", mailbox.home);
  if (lstat(mailbox.home.c_str(), &home) != 0) return system_error("look at the home", mailbox.home);
  if (!S_ISDIR(home.st_mode) || home.st_uid != mailbox.uid) return permanent("the home is not the mailbox's:", mailbox.home);
  return Done{};
}

LoginAnswer Logins::start(const LoginRequest& request, const Fd& client) {
  auto const fail = [](const Error& error, LoginAnswer answer) {
    LogLine{"failed"}.add("error", error.text()).write();
    return answer;
  };
  if (request.service != "pop3") return fail(permanent("there is no such service:", request.service), LoginAnswer::failed);
  auto const mailbox = redeem(request);
  if (!mailbox) return fail(mailbox.error(), LoginAnswer::failed);
  if (auto const checked = check(*mailbox); !checked) return fail(checked.error(), LoginAnswer::failed);
  auto const own = sessions_of_.find(mailbox->uid);
  if (sessions_.size() >= most_sessions || (own != sessions_of_.end() && own->second >= most_per_mailbox))
    return fail(temporary("too many sessions at once:", mailbox->name), LoginAnswer::many);
  auto const uid = Uid::from(mailbox->uid);
  auto const gid = Gid::from(mailbox->gid);
  if (!uid || !gid) return fail(uid ? gid.error() : uid.error(), LoginAnswer::failed);
  Spawn child{pop3d_};
  child.variable("USER", mailbox->name).give(0, client.number()).give(1, client.number()).as(*uid, *gid).in(mailbox->home);
  child.variable("LOGINS", std::string(1, static_cast<char>(request.offer)));
  if (request.is_utf8) child.variable("UTF8", "1");
  if (Login::parse(Wire{mailbox->name}))
    child.variable("FULL", here_ + "/users/full/" + mailbox->name);  // there if it has a quota
  auto const pid = child.start();
  if (!pid) return fail(pid.error(), LoginAnswer::failed);
  sessions_.emplace(*pid, mailbox->uid);
  ++sessions_of_[mailbox->uid];
  LogLine{"start"}
      .add("service", request.service)
      .add("user", mailbox->name)
      .add("child", static_cast<std::uint64_t>(*pid))
      .add("open", sessions_.size())
      .write();
  return LoginAnswer::started;
}

void Logins::reap() {
  int status = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    auto const session = sessions_.find(pid);
    if (session == sessions_.end()) continue;
    auto const of_mailbox = sessions_of_.find(session->second);
    if (--of_mailbox->second == 0) sessions_of_.erase(of_mailbox);
    sessions_.erase(session);
    if (status == 0) continue;
    LogLine{"child-failed"}
        .add("child", static_cast<std::uint64_t>(pid))
        .add(WIFSIGNALED(status) ? "signal" : "exit",
             static_cast<std::uint64_t>(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)))
        .write();
  }
}

Deadline Logins::next_end() const {
  Deadline const next = listener_.wakes();
  return askers_.empty() ? next : next.or_sooner(askers_.front().deadline);  // the first one came first
}

Status Logins::run(const Fd& signals) {
  for (;;) {
    std::vector<pollfd> waiting{{signals.number(), POLLIN, 0}, {listener_.number_while(askers_.size() < most_askers), POLLIN, 0}};
    for (const Asker& asker : askers_) waiting.push_back({asker.socket.number(), POLLIN, 0});
    if (poll(waiting.data(), waiting.size(), next_end().poll_timeout()) < 0) {
      if (errno != EINTR) return system_error("poll");
      continue;
    }
    for (int signal; (signal = next_signal(signals)) != 0;)
      if (signal == SIGTERM) return Done{};
    reap();
    std::size_t at = 2;
    for (auto asker = askers_.begin(); asker != askers_.end(); ++at) {
      if (waiting[at].revents != 0) hear(*asker);
      bool const is_over = waiting[at].revents != 0 || asker->deadline.has_passed();
      asker = is_over ? askers_.erase(asker) : std::next(asker);
    }
    if (waiting[1].revents != 0) accept_one();
  }
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  if (args.arguments.size() != 1 || !args.arguments[0].starts_with('/'))
    return permanent("usage: login /path/to/pop3d, with a listening socket on descriptor 0");
  TRY(check_service(ServiceSocket::listening));
  Directory const control = TRY(Directory::open("control"));
  Logins logins{std::string{args.arguments[0]}, TRY(current_directory()), TRY(Accounts::read(control))};
  Fd const signals = TRY(signal_events({SIGTERM, SIGCHLD}));
  TRY(set_nonblocking(0));
  TRY(confine());
  notify_ready(args.variable("NOTIFY").value_or(""));
  return logins.run(signals);
}
