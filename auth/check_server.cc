#include "auth/check_server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "lib/core/number.h"
#include "lib/net/record.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/signals.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

constexpr std::size_t most_clients = 64;
constexpr std::size_t most_checks = 16;
constexpr std::size_t most_waiting = 200;
constexpr std::size_t request_most = 512;  // what the interface allows on descriptor 3
constexpr std::size_t output_most = 65'536;
constexpr auto time_of_a_program = Milliseconds{20s};
constexpr int request_number = 3;

void wipe(std::string& text) {
  explicit_bzero(text.data(), text.size());
  text.clear();
}

// What functions that have returned left on the stack of what they took apart.
[[gnu::noinline]] void wipe_stack() {
  char room[16'384];
  explicit_bzero(room, sizeof room);
}

struct Pipe {
  Fd reading, writing;
  static Result<Pipe> make() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe");
    return Pipe{Fd{ends[0]}, Fd{ends[1]}};
  }
};

std::string request_of(const CheckQuestion& question) {
  auto const now = std::chrono::duration_cast<Seconds>(wall_now().time_since_epoch()).count();
  std::string request;
  request.reserve(check_record_most);  // so that it grows in one place
  for (const std::string* const word : {&question.login, &question.password}) (request += *word) += '\0';
  (request += decimal(static_cast<std::uint64_t>(now))) += '\0';
  return request;
}

}  // namespace

Status CheckServer::run(Listener listener, const Fd& signals) {
  bool is_stopping = false;
  while (!is_stopping || !running_.empty() || !waiting_.empty()) {
    bool const has_room = !is_stopping && clients_.size() < most_clients;
    std::vector<pollfd> events{{signals.number(), POLLIN, 0}, {listener.number_while(has_room), POLLIN, 0}};
    for (const Client& client : clients_) events.push_back({is_stopping ? -1 : client.socket.number(), POLLIN, 0});
    for (const Check& check : running_) events.push_back({check.output.number(), POLLIN, 0});
    if (poll(events.data(), events.size(), next_deadline().or_sooner(listener.wakes()).poll_timeout()) < 0) {
      if (errno != EINTR) return system_error("poll");
      continue;
    }
    std::size_t at = 2;
    for (auto client = clients_.begin(); client != clients_.end(); ++at)
      client = events[at].revents != 0 && !hear(*client) ? forget(client) : std::next(client);
    for (Check& check : running_)
      if (events[at++].revents != 0) read_output(check);
    for (int signal; (signal = next_signal(signals)) != 0;) is_stopping |= signal == SIGTERM;
    reap();
    look_at_time();
    start_waiting();
    if (events[1].revents != 0) accept_client(listener);
  }
  return Done{};
}

void CheckServer::accept_client(Listener& listener) {
  Fd socket = listener.accept(SOCK_NONBLOCK);
  if (!socket.is_open()) return;
  auto const peer = peer_of(socket.number());
  if (!peer) return LogLine{"refused"}.add("error", peer.error().text()).write();
  if (peer->uid != asker_) return LogLine{"refused"}.add("uid", std::uint64_t{peer->uid}).add("reason", "not authd").write();
  clients_.push_back(Client{++last_id_, std::move(socket), {}});
  clients_.back().input.reserve(record_head + check_record_most);
}

// Nobody waits for what it asked and was not begun.
std::list<CheckServer::Client>::iterator CheckServer::forget(std::list<Client>::iterator client) {
  for (Check& check : waiting_)
    if (check.client == client->id) wipe(check.request);
  waiting_.remove_if([&](const Check& check) { return check.client == client->id; });
  return clients_.erase(client);
}

// False: it is gone, or speaks nonsense. No more is read than a record has room for, so that nothing is ever moved.
bool CheckServer::hear(Client& client) {
  std::size_t const had = client.input.size();
  client.input.resize(record_head + check_record_most);
  ssize_t const got = recv(client.socket.number(), client.input.data() + had, client.input.size() - had, 0);
  client.input.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
  auto const taken = take_questions(client);
  wipe_stack();
  if (!taken) LogLine{"refused"}.add("error", taken.error().text()).write();
  return taken.has_value();
}

Status CheckServer::take_questions(Client& client) {
  std::size_t taken = 0;
  while (client.input.size() - taken >= record_head) {
    std::string_view const rest = std::string_view{client.input}.substr(taken);
    std::size_t const length = TRY(record_body_length(Wire{rest.substr(0, record_head)}, check_record_most));
    if (rest.size() < record_head + length) break;
    take(client, TRY(CheckQuestion::parse(Wire{rest.substr(record_head, length)})));
    taken += record_head + length;
  }
  std::size_t const left = client.input.size() - taken;
  memmove(client.input.data(), client.input.data() + taken, left);
  explicit_bzero(client.input.data() + left, taken);
  client.input.resize(left);
  return Done{};
}

void CheckServer::take(Client& client, CheckQuestion question) {
  Check check{client.id, {}, request_of(question), {}};
  wipe(question.password);
  auto programs = source_.programs_for(question);
  check.question = std::move(question);
  if (!programs) {
    LogLine{"checkers"}.add("error", programs.error().text()).write();
    return answer(check, CheckAnswer::Kind::later, programs.error().text());
  }
  if (waiting_.size() >= most_waiting) return answer(check, CheckAnswer::Kind::later, "too many passwords wait to be checked");
  if (check.request.size() <= request_most) check.programs = *std::move(programs);  // else none of them can have it
  waiting_.push_back(std::move(check));
}

void CheckServer::start_waiting() {
  while (!waiting_.empty() && running_.size() < most_checks) {
    running_.splice(running_.end(), waiting_, waiting_.begin());
    go_on(running_.back());
  }
  running_.remove_if([](const Check& check) { return check.is_answered && check.pid == 0; });
}

void CheckServer::go_on(Check& check) {
  while (check.next < check.programs.size()) {
    auto const started = start(check);
    if (started) return;
    check.trouble = started.error().text();
    LogLine{"checker-failed"}.add("program", check.programs[check.next - 1].front()).add("error", check.trouble).write();
  }
  answer(check, check.trouble.empty() ? CheckAnswer::Kind::no : CheckAnswer::Kind::later, check.trouble);
}

Status CheckServer::start(Check& check) {
  const std::vector<std::string>& words = check.programs[check.next++];
  Pipe request = TRY(Pipe::make());
  Pipe output = TRY(Pipe::make());
  TRY(set_nonblocking(output.reading.number()));
  TRY(write_all(request.writing.number(), check.request));  // no more than a pipe always takes
  if (check.next == check.programs.size()) wipe(check.request);
  request.writing.close();
  Spawn spawn{words.front()};
  for (std::size_t i = 1; i < words.size(); ++i) spawn.argument(words[i]);
  spawn.variable("PATH", "/usr/local/bin:/usr/bin:/bin").variable("SERVICE", check.question.service);
  spawn.variable("TCPREMOTEIP", check.question.client);
  spawn.give(0, nothing_.number()).give(1, output.writing.number()).give(request_number, request.reading.number());
  check.pid = TRY(spawn.alone().start());
  check.output = std::move(output.reading);
  check.printed.clear();
  check.unread.clear();
  check.deadline = Deadline::in(time_of_a_program);
  return Done{};
}

void CheckServer::read_output(Check& check) {
  char room[4096];
  for (;;) {
    ssize_t const got = read(check.output.number(), room, sizeof room);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) check.unread = system_error("read what a program printed").text();
    if (got <= 0) break;
    if (check.printed.size() <= output_most) check.printed.append(room, static_cast<std::size_t>(got));
  }
  check.output.close();
}

void CheckServer::reap() {
  int status = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
    for (Check& check : running_)
      if (check.pid == pid) {
        ended(check, status);
        break;
      }
}

void CheckServer::ended(Check& check, int status) {
  check.pid = 0;
  check.deadline = Deadline::never();
  if (check.output.is_open()) read_output(check);
  check.output.close();
  if (check.is_answered) return;
  int const code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (code == 1) return go_on(check);
  Result<std::string> login = Error{Fate::temporary, "a program's output:", check.unread};
  if (code == 0 && check.unread.empty()) login = source_.login_of(check.question, check.printed);
  if (login) return answer(check, CheckAnswer::Kind::yes, *std::move(login));
  const std::string& program = check.programs[check.next - 1].front();
  LogLine line{"checker-failed"};
  line.add("program", program);
  if (code == 0)
    line.add("error", login.error().text());
  else
    line.add(code < 0 ? "signal" : "exit", static_cast<std::uint64_t>(code < 0 ? WTERMSIG(status) : code));
  line.write();
  check.trouble = program + " failed";
  go_on(check);
}

void CheckServer::look_at_time() {
  for (Check& check : running_) {
    if (!check.deadline.has_passed()) continue;
    check.deadline = Deadline::never();
    const std::string& program = check.programs[check.next - 1].front();
    LogLine{"checker-late"}.add("program", program).write();
    source_.end(check.pid);
    wipe(check.request);
    answer(check, CheckAnswer::Kind::later, program + " did not end in time");
  }
}

// A client that is gone is not told, nor one that does not read.
void CheckServer::answer(Check& check, CheckAnswer::Kind kind, std::string text) {
  if (check.is_answered) return;
  check.is_answered = true;
  wipe(check.request);
  CheckAnswer said{kind, check.question.number, {}, {}};
  (kind == CheckAnswer::Kind::yes ? said.login : said.text) = std::move(text);
  std::string const record = said.encoded();
  for (const Client& client : clients_)
    if (client.id == check.client)
      if (send(client.socket.number(), record.data(), record.size(), MSG_DONTWAIT | MSG_NOSIGNAL) !=
          static_cast<ssize_t>(record.size()))
        shutdown(client.socket.number(), SHUT_RDWR);  // its end is heard next
}

Deadline CheckServer::next_deadline() const {
  Deadline next = Deadline::never();
  for (const Check& check : running_) next = next.or_sooner(check.deadline);
  return next;
}

}  // namespace postern
