// The program that tcplisten_check.py lets tcplisten start. It says what it was given, a line each, then echoes lines;
// "crash" ends it by a signal, "exit" with code 7.
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

int main(int count, char** words) {
  std::string told;
  for (char** entry = environ; *entry; ++entry) told += "env " + std::string{*entry} + "\n";
  for (int i = 1; i < count; ++i) told += "word " + std::string{words[i]} + "\n";
  for (int fd = 0; fd < 256; ++fd)
    if (fcntl(fd, F_GETFD) >= 0) told += "fd " + std::to_string(fd) + "\n";
  int no_delay = 0;
  socklen_t length = sizeof no_delay;
  getsockopt(0, IPPROTO_TCP, TCP_NODELAY, &no_delay, &length);
  told += "nodelay " + std::to_string(no_delay) + "\n";
  told += "blocking " + std::to_string((fcntl(0, F_GETFL) & O_NONBLOCK) == 0) + "\n";
  sigset_t blocked;
  sigprocmask(SIG_SETMASK, nullptr, &blocked);
  told += "signals " + std::to_string(sigismember(&blocked, SIGTERM) || sigismember(&blocked, SIGCHLD)) + "\n";
  told += "pid " + std::to_string(getpid()) + "\n.\n";
  if (write(1, told.data(), told.size()) < 0) return 1;
  char room[256];
  for (ssize_t got; (got = read(0, room, sizeof room)) > 0;) {
    std::string const line{room, static_cast<std::size_t>(got)};
    if (line == "crash\n") __builtin_trap();
    if (line == "exit\n") return 7;
    if (write(1, line.data(), line.size()) < 0) return 1;
  }
  return 0;
}
