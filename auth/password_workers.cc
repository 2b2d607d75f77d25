#include "auth/password_workers.h"

#include <crypt.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/secret_digest.h"
#include "lib/core/wipe.h"
#include "lib/net/auth_protocol.h"
#include "lib/net/checker_protocol.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/manifest.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

using Outcome = PasswordWorkers::Outcome;

constexpr int most_descriptors = static_cast<int>(row_of("authd").limits.open_files);
constexpr Milliseconds checker_time = 30s;
constexpr std::size_t word_room = auth_word_most + 1;

// What goes to a child and comes back: between processes of one program, so plain memory. Words end in NUL.
struct Job {
  char password[word_room];
  char hash[CRYPT_OUTPUT_SIZE];
  char checkers[4];
  char login[word_room], service[64], client[128];
  std::uint32_t uid;
};
struct Reply {
  char outcome;
  char login[word_room], text[256];
};

template <std::size_t N>
void put(char (&room)[N], std::string_view text) {
  room[text.copy(room, N - 1)] = '\0';
}
template <std::size_t N>
std::string_view word_in(const char (&room)[N]) {
  return {room, strnlen(room, N)};
}

Outcome try_hash(const Job& job, crypt_data& data) {
  errno = 0;
  const char* const made = crypt_r(job.password, job.hash, &data);
  if (!made || made[0] == '*') {
    // A password longer than any that crypt(3) takes was never made a hash of.
    if (word_in(job.password).size() >= CRYPT_MAX_PASSPHRASE_SIZE) return Outcome::wrong;
    // For want of memory libxcrypt says ENOMEM, and of yescrypt EINVAL.
    bool const is_known = crypt_checksalt(job.hash) != CRYPT_SALT_INVALID;
    return errno == ENOMEM || is_known ? Outcome::later : Outcome::impossible;
  }
  return is_same_secret(word_in(job.hash), word_in(data.output)) ? Outcome::right : Outcome::wrong;
}

// The first who says yes; else, if one of them cannot say, nobody can.
Outcome ask_checkers(const Job& job, Reply& reply) {
  CheckQuestion question;
  question.password.reserve(word_room);  // one place, which is wiped
  question.password = word_in(job.password);
  Wiped const wiped{question.password};
  question.login = word_in(job.login);
  question.service = word_in(job.service);
  question.client = word_in(job.client);
  question.uid = job.uid;
  Deadline const deadline = Deadline::in(checker_time);
  Outcome outcome = Outcome::wrong;
  for (char const letter : word_in(job.checkers)) {
    auto const answer = ask_checker(letter == 's' ? "shadow-spawn" : "check-spawn", question, deadline);
    if (answer && answer->kind == CheckAnswer::Kind::yes) {
      put(reply.login, answer->login);
      return Outcome::right;
    }
    if (answer && answer->kind == CheckAnswer::Kind::no) continue;
    put(reply.text, answer ? answer->text : answer.error().text());
    outcome = Outcome::later;
  }
  return outcome;
}

// Nothing of the parent's stays open but the log and the parent; when that is gone, so is this.
[[noreturn]] void work(int socket) {
  for (int fd = 0; fd < most_descriptors; ++fd)
    if (fd != 2 && fd != socket) close(fd);
  static Job job;
  static crypt_data data;
  for (;;) {
    if (!read_exactly(socket, {reinterpret_cast<char*>(&job), sizeof job})) _exit(0);
    Reply reply{};
    reply.outcome = static_cast<char>(job.checkers[0] != '\0' ? ask_checkers(job, reply) : try_hash(job, data));
    explicit_bzero(&job, sizeof job);
    explicit_bzero(&data, sizeof data);
    wipe_stack();
    if (!write_all(socket, {reinterpret_cast<const char*>(&reply), sizeof reply})) _exit(0);
  }
}

}  // namespace

Status PasswordWorkers::start(unsigned count, int events, std::uint64_t first) {
  events_ = events;
  first_ = first;
  workers_.resize(count);
  for (Worker& worker : workers_) TRY(start_one(worker));
  return Done{};
}

Status PasswordWorkers::start_one(Worker& worker) {
  auto [ours, its] = TRY(stream_pair());
  pid_t const pid = fork();
  if (pid < 0) return system_error("fork");
  if (pid == 0) work(its.number());
  worker.pid = pid;
  worker.is_busy = false;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = first_ + static_cast<std::uint64_t>(&worker - workers_.data());
  if (epoll_ctl(events_, EPOLL_CTL_ADD, ours.number(), &event) != 0) return system_error("epoll_ctl");  // the child sees its end
  worker.socket = std::move(ours);
  return Done{};
}

std::optional<unsigned> PasswordWorkers::idle() {
  for (unsigned i = 0; i < workers_.size(); ++i)
    if (!workers_[i].is_busy && (workers_[i].socket.is_open() || start_one(workers_[i]))) return i;
  return std::nullopt;
}

bool PasswordWorkers::begin(unsigned worker, const PasswordJob& wanted) {
  Job job{};
  put(job.password, wanted.password);
  put(job.hash, wanted.hash);
  put(job.checkers, wanted.checkers);
  put(job.login, wanted.login);
  put(job.service, wanted.service);
  put(job.client, wanted.client);
  job.uid = wanted.uid;
  auto const sent = write_all(workers_[worker].socket.number(), {reinterpret_cast<const char*>(&job), sizeof job});
  explicit_bzero(&job, sizeof job);
  workers_[worker].is_busy = true;
  if (!sent) replace(workers_[worker]);
  return sent.has_value();
}

std::optional<PasswordWorkers::Answer> PasswordWorkers::finish(unsigned worker) {
  Reply reply{};
  if (read_exactly(workers_[worker].socket.number(), {reinterpret_cast<char*>(&reply), sizeof reply})) {
    workers_[worker].is_busy = false;
    return Answer{static_cast<Outcome>(reply.outcome), std::string{word_in(reply.login)}, std::string{word_in(reply.text)}};
  }
  replace(workers_[worker]);
  return std::nullopt;
}

void PasswordWorkers::replace(Worker& worker) {
  worker.socket.close();
  worker.is_busy = false;
  int status = 0;
  while (waitpid(worker.pid, &status, 0) < 0 && errno == EINTR) {
  }
  LogLine{"died"}
      .add("child", static_cast<std::uint64_t>(worker.pid))
      .add("signal", std::uint64_t{WIFSIGNALED(status) ? static_cast<unsigned>(WTERMSIG(status)) : 0u})
      .write();
  if (auto const started = start_one(worker); !started) LogLine{"fork"}.add("error", started.error().text()).write();
}

}  // namespace postern
