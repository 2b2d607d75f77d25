#include "lib/net/tls_client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "lib/net/record.h"
#include "lib/os/io.h"
#include "lib/os/socket.h"

using namespace postern;

namespace {

struct Ends {
  Fd client, tlsd;
};

Ends make_ends() {
  auto pair = *stream_pair();
  return {std::move(pair.first), std::move(pair.second)};
}

Deadline soon() { return Deadline::in(10s); }

std::string facts_line() {
  TlsFacts facts;
  facts.protocol = "TLSv1.3";
  facts.cipher = "TLS_AES_128_GCM_SHA256";
  return facts.encoded();
}

// tlsd's part is played beforehand: it fits into the socket's buffers.
Result<TlsConnection> ask(Ends& ends, std::string_view answer, bool is_closed) {
  REQUIRE(write_all(ends.tlsd.number(), answer));
  if (is_closed) REQUIRE(shutdown(ends.tlsd.number(), SHUT_WR) == 0);
  int pipe_ends[2];
  REQUIRE(pipe2(pipe_ends, O_CLOEXEC) == 0);
  Fd const network{pipe_ends[0]}, other{pipe_ends[1]};
  return tls_accept(std::move(ends.client), network.number(), TlsService{"smtp", "192.0.2.1"}, soon());
}

}  // namespace

TEST_CASE("the line of facts is taken, and not a byte behind it") {
  for (std::string_view const behind : {"", "x", "220 hello\r\n250 more\r\n"}) {
    Ends ends = make_ends();
    auto const connection = ask(ends, facts_line() + std::string{behind}, true);
    REQUIRE(connection);
    CHECK(connection->facts.protocol == "TLSv1.3");
    CHECK(*read_all(connection->plaintext.number(), 100) == behind);
  }
}

TEST_CASE("tlsd gets the request with the network's socket") {
  Ends ends = make_ends();
  REQUIRE(ask(ends, facts_line(), false));
  std::string room(1000, '\0');
  auto const received = receive_with_fd(ends.tlsd.number(), room);
  REQUIRE(received);
  CHECK(received->fd.is_open());
  auto const request = TlsService::parse(Wire{std::string_view{room}.substr(record_head, received->bytes - record_head)});
  REQUIRE(request);
  CHECK(*request == TlsService{"smtp", "192.0.2.1"});
}

TEST_CASE("what tlsd says in pieces is one line") {
  Ends ends = make_ends();
  std::string const line = facts_line();
  REQUIRE(write_all(ends.tlsd.number(), std::string_view{line}.substr(0, 5)));
  pid_t const pid = fork();
  if (pid == 0) {
    std::string request(4096, '\0');  // the first piece lies there when the request comes
    if (!receive_with_fd(ends.tlsd.number(), request)) _exit(1);
    for (char const c : line.substr(5))
      if (!write_all(ends.tlsd.number(), std::string_view{&c, 1})) _exit(1);
    _exit(0);
  }
  ends.tlsd.close();
  auto const connection = tls_connect(std::move(ends.client), 0, TlsWanted{}, soon());
  CHECK(connection.has_value());
  int status = -1;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(status == 0);
}

TEST_CASE("a refusal is the peer's doing; silence, nonsense and an end are tlsd's") {
  Ends refused = make_ends();
  auto const no = ask(refused, tls_refusal(TlsTrouble::peers, "no cipher in common"), true);
  REQUIRE_FALSE(no);
  CHECK(no.error().number() == 0);
  CHECK(no.error().where() == "no cipher in common");
  for (const std::string& answer : {std::string{}, std::string{"ok 7:TLSv"}, std::string{"ok \n"}, std::string{"\n"},
                                    std::string(4096, 'x'), tls_refusal(TlsTrouble::own, "there is no certificate")}) {
    Ends ends = make_ends();
    auto const failed = ask(ends, answer, true);
    REQUIRE_FALSE(failed);
    CHECK_FALSE(failed.error().is_permanent());
    CHECK(failed.error().number() != 0);
  }
  Ends silent = make_ends();
  auto const late = tls_connect(std::move(silent.client), 0, TlsWanted{}, Deadline::in(1ms));
  REQUIRE_FALSE(late);
  CHECK(late.error().number() == ETIMEDOUT);
}

TEST_CASE("a refusal said before the request was read is heard") {
  Ends ends = make_ends();
  REQUIRE(write_all(ends.tlsd.number(), tls_refusal(TlsTrouble::own, "too many connections")));
  ends.tlsd.close();
  auto const refused = tls_connect(std::move(ends.client), 0, TlsWanted{}, soon());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().where() == "too many connections");
}
