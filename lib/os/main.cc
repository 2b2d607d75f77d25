// main - the one main() of every program; compiled once for each, with POSTERN_PROGRAM naming it
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <new>
#include <string>

#include "lib/core/ascii.h"
#include "lib/core/number.h"
#include "lib/os/confine.h"
#include "lib/os/log.h"
#include "lib/os/program.h"

namespace postern {
namespace {

constexpr const Row& row = row_of(POSTERN_PROGRAM);
constexpr Filter filter = make_filter(row.promises | row.kept_for_children);

bool is_named(std::string_view list, std::string_view name) {
  if (list == "*") return true;
  while (!list.empty()) {
    std::size_t const end = list.find(' ');
    if (list.substr(0, end) == name) return true;
    list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
  }
  return false;
}

// Descriptors that whoever started us left open are not ours: only 0 to 2, the one to say "ready" on, and what the row says.
bool close_leftovers(const Args& args) {
  if (row.inherits == Inherits::any) return true;
  auto const notify = parse_number(Wire{args.variable("NOTIFY").value_or(std::string_view{})}, 1u << 30);
  auto const kept = notify && *notify > 2 ? static_cast<unsigned>(*notify) : 2u;
  return (kept <= 3 || syscall(SYS_close_range, 3u, kept - 1, 0u) == 0) && syscall(SYS_close_range, kept + 1, ~0u, 0u) == 0;
}

Args take_args(int count, char** words, char** environment) {
  Args args;
  for (int i = 1; i < count; ++i) args.arguments.emplace_back(words[i]);
  for (char** at = environment; at && *at; ++at) {
    std::string_view const entry{*at};
    std::size_t const equals = entry.find('=');
    if (equals == std::string_view::npos || !is_named(row.environment, entry.substr(0, equals))) continue;
    args.environment.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return args;
}

}  // namespace

const std::string_view program_name = row.name;

#ifdef POSTERN_BREACH  // builds of tests/breach only, where an attacker goes on from here (tests/breach/attacker.h)
[[noreturn]] void attack(const Row&, const Filter&);
Status hold_to(const Row& held, const Filter& code) { attack(held, code); }
#else
Status hold_to(const Row& held, const Filter& code) { return confine_to(held, code); }
#endif

Status confine() { return hold_to(row, filter); }

Status confine_with(const PathRule& besides) {
  Row wider = row;
  for (PathRule& rule : wider.paths)
    if (rule.path.empty()) {
      rule = besides;
      return hold_to(wider, filter);
    }
  return permanent("confine: no room for one more path");
}

Status confine_with(std::span<const std::uint16_t> ports) {
  Row wider = row;
  for (std::uint16_t& number : wider.ports.numbers) {
    if (number != 0) continue;
    if (ports.empty()) break;
    number = ports.front();
    ports = ports.subspan(1);
  }
  if (!ports.empty()) return permanent("confine: no room for so many ports");
  return hold_to(wider, filter);
}

std::optional<std::string_view> Args::variable(std::string_view name) const {
  for (const auto& [key, value] : environment)
    if (key == name) return value;
  return std::nullopt;
}

void exit_program(int code) { _exit(code); }

}  // namespace postern

// Out of memory is a temporary failure of this process and of nothing else.
#ifndef POSTERN_SANITIZE
void* operator new(std::size_t size) {
  if (void* const memory = malloc(size)) return memory;
  _exit(111);
}
void operator delete(void* memory) noexcept { free(memory); }
void operator delete(void* memory, std::size_t) noexcept { free(memory); }
#else
// The search for leaks traces its own process, which no row allows; the unit tests search.
extern "C" const char* __asan_default_options() { return "detect_leaks=0:allocator_may_return_null=0"; }
#endif

int main(int count, char** words) {
  using namespace postern;
  for (int fd = 0; fd <= 2; ++fd)
    if (fcntl(fd, F_GETFD) < 0) return 111;  // else the next file opened would take the missing one's number
  umask(0);
  signal(SIGPIPE, SIG_IGN);
  Args args = take_args(count, words, environ);
  environ = nullptr;

  Status const status = close_leftovers(args) ? program(std::move(args)) : system_error("close what is not ours");
  if (status) return 0;
  std::string line{program_name};
  line += ": ";
  for (char const c : status.error().text()) line += is_control(c) ? '?' : c;
  line += '\n';
  [[maybe_unused]] auto const wrote = write(2, line.data(), line.size());
  return status.error().is_permanent() ? 100 : 111;
}
