// Tests of lib/os/spawn: a child has what is listed and nothing else.
#include "lib/os/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include <catch2/catch.hpp>

#include "lib/os/fd.h"
#include "lib/os/io.h"
#include "tests/scratch.h"

using namespace postern;

namespace {

int exit_code_of(pid_t child) {
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// Runs a shell script by `spawn` with descriptor 1 on a pipe, and gives what it wrote.
std::string output_of(Spawn& spawn, const std::string& script) {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  Fd const reading{ends[0]};
  Fd writing{ends[1]};
  auto const child = spawn.argument("-c").argument(script).give(1, writing.number()).start();
  REQUIRE(child);
  writing.close();
  std::string const text = *read_all(reading.number(), 65536);
  CHECK(exit_code_of(*child) == 0);
  return text;
}

}  // namespace

TEST_CASE("a child's environment is what was listed") {
  Spawn spawn{"/bin/sh"};
  spawn.variable("A", "1 = 2").variable("EMPTY", "");
  std::string const text = output_of(spawn, "cat /proc/$$/environ | tr '\\0' '\\n'");
  CHECK(text == "A=1 = 2\nEMPTY=\n");
}

TEST_CASE("a child's words are passed as they are, through no shell") {
  Spawn spawn{"/usr/bin/printf"};
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  Fd const reading{ends[0]};
  Fd writing{ends[1]};
  auto const child =
      spawn.argument("%s|").argument("$(id)").argument("a b").argument("").argument("-x").give(1, writing.number()).start();
  REQUIRE(child);
  writing.close();
  CHECK(*read_all(reading.number(), 4096) == "$(id)|a b||-x|");
  CHECK(exit_code_of(*child) == 0);
}

TEST_CASE("a child holds the descriptors that were given, under their numbers") {
  Scratch const scratch;
  scratch.write("file", "content\n");
  Fd const file{open(scratch.path("file").c_str(), O_RDONLY | O_CLOEXEC)};
  Fd const ours{fcntl(file.number(), F_DUPFD_CLOEXEC, 200)};
  Spawn spawn{"/bin/sh"};
  spawn.give(7, file.number());
  std::string const text = output_of(spawn, "cat <&7; for f in /proc/$$/fd/*; do echo fd ${f##*/}; done");
  CHECK(text.starts_with("content\nfd 0\n"));
  CHECK(text.find("fd 7\n") != std::string::npos);
  CHECK(text.find("fd " + std::to_string(ours.number()) + "\n") == std::string::npos);
  Fd const same{fcntl(file.number(), F_DUPFD_CLOEXEC, 9)};
  lseek(file.number(), 0, SEEK_SET);
  Spawn kept{"/bin/sh"};
  kept.give(same.number(), same.number());
  CHECK(output_of(kept, "cat /proc/$$/fd/" + std::to_string(same.number())) == "content\n");
}

TEST_CASE("descriptors that lie on each other's numbers arrive where they should") {
  Scratch const scratch;
  std::vector<Fd> files;
  for (int i = 0; i < 3; ++i) {
    std::string const name = "file" + std::to_string(i);
    scratch.write(name, name + "\n");
    Fd const file{open(scratch.path(name).c_str(), O_RDONLY | O_CLOEXEC)};
    files.emplace_back(fcntl(file.number(), F_DUPFD_CLOEXEC, 5));
  }
  int const a = files[0].number(), b = files[1].number(), c = files[2].number();
  Spawn spawn{"/bin/sh"};
  spawn.give(b, a).give(c, b).give(a, c);
  std::string const number[] = {std::to_string(a), std::to_string(b), std::to_string(c)};
  CHECK(output_of(spawn, "cat /proc/$$/fd/" + number[0] + " /proc/$$/fd/" + number[1] + " /proc/$$/fd/" + number[2]) ==
        "file2\nfile0\nfile1\n");
}

TEST_CASE("a child alone leads a session of its own") {
  Spawn spawn{"/bin/sh"};
  spawn.alone();
  CHECK(output_of(spawn, "test $(cut -d' ' -f6 /proc/$$/stat) = $$ && echo alone") == "alone\n");
}

TEST_CASE("a child has no blocked signal and the usual SIGPIPE") {
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &before);
  Spawn spawn{"/bin/sh"};
  std::string const text = output_of(spawn, "exec grep -E '^Sig(Blk|Ign)' /proc/self/status");
  sigprocmask(SIG_SETMASK, &before, nullptr);
  CHECK(text.find("SigBlk:\t0000000000000000") != std::string::npos);
  auto const ignored = std::stoull(text.substr(text.find("SigIgn:") + 7), nullptr, 16);
  CHECK((ignored & 1ull << (SIGPIPE - 1)) == 0);
}

TEST_CASE("a child enters its directory, after it became the user") {
  Scratch const scratch;
  Spawn spawn{"/bin/sh"};
  spawn.in(scratch.path());
  CHECK(output_of(spawn, "pwd") == scratch.path() + "\n");
  if (geteuid() != 0) return;
  Spawn nobody{"/bin/sh"};
  nobody.as(*Uid::from(65534), *Gid::from(65533)).in("/");
  CHECK(output_of(nobody, "grep -E '^(Uid|Gid|Groups)' /proc/$$/status | tr -d '\\t '") ==
        "Uid:65534655346553465534\nGid:65533655336553365533\nGroups:\n");
  Spawn outside{"/bin/true"};
  outside.as(*Uid::from(65534), *Gid::from(65533)).in(scratch.path());  // 0700, root's
  CHECK(outside.start().error().text() == "enter " + scratch.path() + ": Permission denied");
}

TEST_CASE("a child that cannot start is said with its error, and leaves no process behind") {
  CHECK(Spawn{"/nowhere/program"}.start().error().text() == "execute /nowhere/program: No such file or directory");
  CHECK(Spawn{"/bin/true"}.in("/nowhere").start().error().text() == "enter /nowhere: No such file or directory");
  CHECK(Spawn{"/bin/true"}.give(5, 999).start().error().text() == "hand descriptors to /bin/true: Bad file descriptor");
  CHECK(Spawn{"/bin/true"}.give(999, 999).start().error().text() == "hand descriptors to /bin/true: Bad file descriptor");
  CHECK(waitpid(-1, nullptr, WNOHANG) == -1);
  CHECK(errno == ECHILD);
  CHECK(exit_code_of(*Spawn{"/bin/true"}.start()) == 0);
}
