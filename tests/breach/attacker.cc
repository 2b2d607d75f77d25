#include "tests/breach/attacker.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "lib/core/number.h"
#include "lib/os/confine.h"

namespace postern {
namespace {

constexpr int not_confined = -2;

// Shared with the children: they run in our memory while we wait.
struct Turn {
  const Attempt* attempt;
  const Words* words;
  const Row* row;
  const Filter* filter;
  int answer;
};
Turn turn;

std::string whole_file(const std::string& path) {
  std::string text;
  int const fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  char room[4096];
  for (ssize_t got; fd >= 0 && (got = read(fd, room, sizeof room)) > 0;) text.append(room, static_cast<std::size_t>(got));
  close(fd);
  return text;
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts{""};
  for (char const c : text)
    if (c == at)
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

std::string plan_of(const Row& row) {
  char path[4096];
  ssize_t const length = readlink("/proc/self/exe", path, sizeof path);
  std::string place{path, length > 0 ? static_cast<std::size_t>(length) : 0};
  place.resize(place.rfind('/') == std::string::npos ? 0 : place.rfind('/'));
  return whole_file(place + "/" + std::string{row.name} + ".plan");  // some starters may read nowhere else
}

[[noreturn]] __attribute__((noinline)) void take_turn() {
  turn.answer = not_confined;
  if (confine_to(*turn.row, *turn.filter)) turn.answer = turn.attempt->make(*turn.words, *turn.row);
  _exit(0);
}

// vfork, since every starter's filter has it, and its children hold what the taken over program would hold.
__attribute__((noinline)) pid_t start_turn() {
  pid_t const pid = vfork();
  if (pid == 0) take_turn();
  return pid;
}

std::string try_it(const Words& words, const Row& row, const Filter& filter) {
  const Attempt* const attempt = words.size() < 2 ? nullptr : find_attempt(words[1]);
  if (!attempt) return "no such attempt";
  turn = Turn{attempt, &words, &row, &filter, 0};
  pid_t const pid = start_turn();
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid) return "no child";
  if (WIFSIGNALED(status)) return "signal " + decimal(static_cast<std::uint64_t>(WTERMSIG(status)));
  if (turn.answer == not_confined) return "not confined";
  return turn.answer == 0 ? "possible" : "errno " + decimal(static_cast<std::uint64_t>(turn.answer));
}

void say(const Row& row, const std::string& words) {
  std::string const line = "breach " + std::string{row.name} + "\t" + words + "\n";
  [[maybe_unused]] auto const wrote = write(2, line.data(), line.size());
}

// --- the fork bomb

struct Bomb {
  long call;
  std::uint64_t limit;
  std::uint64_t count;
  int error;
};
Bomb bomb;

void explode();

[[noreturn]] __attribute__((noinline)) void next_one() {
  ++bomb.count;
  if (bomb.count <= bomb.limit) explode();
  _exit(0);
}

// The system call itself: the child runs on our stack, below this frame, until it ends; nothing of the frame is changed.
__attribute__((noinline)) void explode() {
  long answer = bomb.call;
  register long no_thread asm("r10") = 0;
  register long no_tls asm("r8") = 0;
  asm volatile("syscall"
               : "+a"(answer)
               : "D"(CLONE_VM | CLONE_VFORK | SIGCHLD), "S"(0l), "d"(0l), "r"(no_thread), "r"(no_tls)
               : "rcx", "r11", "memory");
  if (answer == 0) next_one();
  if (answer < 0) bomb.error = static_cast<int>(-answer);
}

}  // namespace

int fork_bomb(long call, const Row& row) {
  bomb = Bomb{call, row.limits.processes + 40, 0, 0};
  explode();
  if (bomb.count > row.limits.processes) return 0;
  return bomb.error != 0 ? bomb.error : EAGAIN;
}

void attack(const Row& row, const Filter& filter) {
  std::string const plan = plan_of(row);
  for (const std::string& line : split(plan, '\n'))
    if (!line.empty()) {
      Words const words = split(line, '\t');
      say(row, words[0] + "\t" + try_it(words, row, filter));
    }
  say(row, "end");
  _exit(0);
}

}  // namespace postern
