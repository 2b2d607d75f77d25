// Tests of lib/os/service: the accept loop, as a process of its own that the test is the client of.
#include "lib/os/service.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <set>

#include "lib/core/number.h"
#include "lib/os/io.h"
#include "tests/scratch.h"

using namespace postern;

namespace {

// Answers each byte: p with its pid, u with the sum of what is unfinished after adding 10; k kills it, e ends it.
void serve(Client& client, void*) {
  for (;;) {
    auto const more = client.wait_for_request(Deadline::in(1min));
    char byte;
    if (!more || !*more || recv(client.fd(), &byte, 1, 0) != 1 || byte == 'e') return;
    if (byte == 'k') raise(SIGKILL);
    std::string answer = decimal(byte == 'u' ? client.set_unfinished(10) : static_cast<std::uint64_t>(getpid()));
    if (!write_all(client.fd(), answer += '\n')) return;
  }
}

class Service {
 public:
  explicit Service(const ServicePool& pool, void (*prepare)() = nullptr) {
    scratch_.enter();
    Fd const listener{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    address.sun_path[0] = 's';
    REQUIRE(bind(listener.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listener.number(), 100) == 0);
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    Fd const ready{ends[0]};
    pid_ = fork();
    if (pid_ == 0) {
      dup2(listener.number(), 0);
      dup2(open("log", O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
      if (prepare) prepare();
      auto const status = serve_clients(pool, std::to_string(ends[1]), serve, nullptr);
      _exit(status ? 0 : 1);
    }
    close(ends[1]);
    char byte = 0;
    REQUIRE(read_exactly(ready.number(), std::span{&byte, 1}, Deadline::in(10s)));
    CHECK(byte == '\n');
  }
  ~Service() {
    if (pid_ > 0) stop();
  }

  static Fd connect() { return std::move(*connect_stream("s")); }
  int stop() {
    kill(pid_, SIGTERM);
    int status = -1;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return status;
  }
  static std::string log() { return *read_all(Fd{open("log", O_RDONLY | O_CLOEXEC)}.number(), 65536); }

 private:
  Scratch scratch_;
  pid_t pid_;
};

// The number that the service answers, or 0 when it ended the connection.
std::uint64_t ask(const Fd& socket, char byte) {
  if (!write_all(socket.number(), std::string_view{&byte, 1})) return 0;
  std::string text;
  for (;;) {
    char c;
    auto const got = read_some(socket.number(), std::span{&c, 1}, Deadline::in(10s));
    if (!got) return got.error().number() == ECONNRESET ? 0 : 999'999'999;
    if (*got == 0) return 0;
    if (c == '\n') return *parse_number(Wire{text}, ~std::uint64_t{0});
    text += c;
  }
}

bool is_ended(const Fd& socket) {
  char c;
  auto const got = read_some(socket.number(), std::span{&c, 1}, Deadline::in(10s));
  return got ? *got == 0 : got.error().number() == ECONNRESET;
}

}  // namespace

TEST_CASE("clients are served at once, each by a process of its own, more than wait") {
  Service service{{.most_clients = 8, .spare = 2}};
  std::vector<Fd> clients;
  std::set<std::uint64_t> pids;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(Service::connect());
    pids.insert(ask(clients.back(), 'p'));
  }
  CHECK(pids.size() == 8);
  CHECK_FALSE(pids.contains(0));
  Fd const ninth = Service::connect();  // waits in the backlog until one is free
  REQUIRE(write_all(ninth.number(), "p"));
  clients.pop_back();
  CHECK(ask(ninth, 'p') != 0);
  CHECK(service.stop() == 0);
}

TEST_CASE("one uid has its share and no more") {
  Service service{{.most_clients = 10, .spare = 2, .most_per_uid = 3}};
  std::vector<Fd> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(Service::connect());
    CHECK(ask(clients.back(), 'p') != 0);
  }
  CHECK(is_ended(Service::connect()));
  CHECK(is_ended(Service::connect()));
  REQUIRE(write_all(clients.back().number(), "e"));
  CHECK(is_ended(clients.back()));
  std::uint64_t pid = 0;  // its place is free once the process has come back to wait
  for (int tries = 0; tries < 1000 && pid == 0; ++tries) {
    clients.back() = Service::connect();
    pid = ask(clients.back(), 'p');
  }
  CHECK(pid != 0);
  CHECK(service.stop() == 0);
  CHECK(Service::log().find("event=refused uid=" + std::to_string(getuid()) + " reason=too\\x20many") != std::string::npos);
}

TEST_CASE("a service that cannot fork at first serves as soon as it can") {
  if (getuid() != 0) return;  // root alone can become a user that has no process left
  auto const become_short = [] {
    rlimit const two{2, 2};
    if (setrlimit(RLIMIT_NPROC, &two) != 0 || setresgid(61017, 61017, 61017) != 0 || setresuid(61017, 61017, 61017) != 0)
      _exit(2);
  };
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  pid_t const other = fork();  // the second process of that user
  if (other == 0) {
    become_short();
    close(ends[0]);
    if (write(ends[1], "x", 1) != 1) _exit(3);
    for (;;) pause();
  }
  close(ends[1]);
  Fd const is_there{ends[0]};
  char byte;
  REQUIRE(read_exactly(is_there.number(), std::span{&byte, 1}, Deadline::in(10s)));

  Service service{{.most_clients = 4, .spare = 2}, become_short};
  Fd const client = Service::connect();
  CHECK(Service::log().find("event=fork error=") != std::string::npos);
  kill(other, SIGKILL);
  waitpid(other, nullptr, 0);
  std::uint64_t const pid = ask(client, 'p');
  CHECK(pid > 0);
  CHECK(pid < 999'999'999);
  CHECK(service.stop() == 0);
}

TEST_CASE("a client that kills its process hurts nobody, and the log says so") {
  Service service{{.most_clients = 4, .spare = 1}};
  Fd const bystander = Service::connect();
  std::uint64_t const pid = ask(bystander, 'p');
  CHECK(pid != 0);
  for (int i = 0; i < 10; ++i) {
    Fd const client = Service::connect();
    CHECK(ask(client, 'p') != 0);
    CHECK(ask(client, 'k') == 0);
  }
  CHECK(ask(bystander, 'p') == pid);
  CHECK(ask(Service::connect(), 'p') != 0);
  CHECK(service.stop() == 0);
  CHECK(Service::log().find("event=died") != std::string::npos);
  CHECK(Service::log().find("signal=9") != std::string::npos);
}

TEST_CASE("a process leaves after its number of clients") {
  Service service{{.most_clients = 4, .spare = 1, .clients_per_process = 1}};
  std::set<std::uint64_t> pids;
  for (int i = 0; i < 5; ++i) pids.insert(ask(Service::connect(), 'p'));
  CHECK(pids.size() == 5);
  CHECK(service.stop() == 0);
}

TEST_CASE("unfinished bytes are summed over a uid's clients, and gone with them") {
  Service service{{.most_clients = 4, .spare = 1}};
  Fd const first = Service::connect(), second = Service::connect();
  CHECK(ask(first, 'u') == 10);
  CHECK(ask(second, 'u') == 20);
  CHECK(ask(second, 'u') == 20);
  CHECK(ask(second, 'k') == 0);
  std::uint64_t sum = 20;  // until the parent has seen its end
  for (int tries = 0; tries < 100'000 && sum != 10; ++tries) sum = ask(first, 'u');
  CHECK(sum == 10);
  CHECK(service.stop() == 0);
}

TEST_CASE("on TERM who waits for a request is let go, and the service ends with 0") {
  Service service{{.most_clients = 4, .spare = 2}};
  Fd const busy = Service::connect();
  CHECK(ask(busy, 'p') != 0);
  CHECK(service.stop() == 0);
  CHECK(is_ended(busy));
}
