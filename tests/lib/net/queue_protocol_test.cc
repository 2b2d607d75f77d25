// Tests of lib/net/queue_protocol: heads of frames, and the client against a queue-inject of the test's own.
#include "lib/net/queue_protocol.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "lib/os/io.h"
#include "tests/scratch.h"

using namespace postern;

namespace {

constexpr std::string_view an_id = "1j5q0g8v0abcdefgh0v";

Fd listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  Fd fd{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  REQUIRE(bind(fd.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(fd.number(), 5) == 0);
  return fd;
}

// Reads one request up to C and gives it back as the test wants to see it: letters and the bytes of M and of E.
struct Request {
  std::string letters, message, envelope;
};

Result<Request> read_request(int socket) {
  Request request;
  for (;;) {
    char head[queue_frame_head];
    TRY(read_exactly(socket, head, Deadline::in(5s)));
    auto const frame = TRY(QueueFrameHead::parse(Wire{std::string_view{head, sizeof head}}));
    std::string content(frame.length, '\0');
    TRY(read_exactly(socket, content, Deadline::in(5s)));
    request.letters += frame.letter;
    if (frame.letter == 'M') request.message += content;
    if (frame.letter == 'E') request.envelope += content;
    if (frame.letter == 'C' || frame.letter == 'X') return request;
  }
}

// A directory with a listening socket where QueueClient looks for it, and this process inside.
struct Server {
  Scratch scratch;
  Fd listener;
  Server() {
    scratch.make_directory("run");
    scratch.make_directory("run/queue-anyone");
    scratch.enter();
    listener = listen_at("run/queue-anyone/s");
  }
  Fd accept_client() const { return Fd{accept(listener.number(), nullptr, nullptr)}; }
};

Envelope small_envelope() {
  Envelope envelope;
  envelope.recipients = {{*Address::parse(Wire{"you@there.example"}), 0, {}, 0}};
  return envelope;
}

void answer(int socket, char letter, std::string_view text) {
  std::string frame;
  append_queue_frame(frame, letter, text);
  REQUIRE(write_all(socket, frame));
}

}  // namespace

TEST_CASE("heads of frames have a known letter and a length within bounds") {
  for (int number = 0; number < 256; ++number) {
    std::string const head = static_cast<char>(number) + std::string{"\0\0\0\5", 4};
    auto const parsed = QueueFrameHead::parse(Wire{head});
    bool const is_known = std::string_view{"MECXYTP"}.find(static_cast<char>(number)) != std::string_view::npos;
    CHECK(parsed.has_value() == is_known);
    if (parsed) CHECK(parsed->length == 5);
  }
  CHECK(QueueFrameHead::parse(Wire{std::string_view{"M\0\1\0\0", 5}})->length == queue_frame_most);
  CHECK_FALSE(QueueFrameHead::parse(Wire{std::string_view{"M\0\1\0\1", 5}}));
  CHECK_FALSE(QueueFrameHead::parse(Wire{std::string_view{"M\0\0\0", 4}}));
  CHECK_FALSE(QueueFrameHead::parse(Wire{std::string_view{"M\0\0\0\0\0", 6}}));
  std::string frame;
  append_queue_frame(frame, 'E', "abc");
  CHECK(frame == std::string{"E\0\0\0\3abc", 8});
}

TEST_CASE("a client hands over messages of any size, one after the other") {
  Server const server;
  auto client = QueueClient::connect("queue-anyone");
  REQUIRE(client);
  Fd const socket = server.accept_client();
  for (std::size_t const size :
       {std::size_t{0}, std::size_t{10}, queue_frame_most - 1, queue_frame_most, queue_frame_most + 1, 3 * queue_frame_most}) {
    INFO(size);
    CHECK_FALSE(client->is_stale());
    pid_t const child = fork();
    if (child == 0) {
      auto const request = read_request(socket.number());
      bool const is_right =
          request && request->message == std::string(size, 'm') && request->envelope == small_envelope().encoded();
      std::string frame;
      append_queue_frame(frame, is_right ? 'Y' : 'P', is_right ? an_id : "5.0.0 not as sent");
      _exit(write_all(socket.number(), frame) ? 0 : 1);
    }
    for (std::size_t sent = 0; sent < size; sent += 1000)
      REQUIRE(client->add(std::string(std::min(std::size_t{1000}, size - sent), 'm')));
    auto const answered = client->commit(small_envelope());
    waitpid(child, nullptr, 0);
    REQUIRE(answered);
    REQUIRE(answered->id);
    CHECK(answered->id->text() == an_id);
  }
}

TEST_CASE("a refusal has its fate and its text") {
  Server const server;
  auto client = QueueClient::connect("queue-anyone");
  REQUIRE(client);
  Fd const socket = server.accept_client();
  answer(socket.number(), 'T', "4.3.1 the queue is nearly full");
  auto const later = client->commit(small_envelope());
  REQUIRE(later);
  CHECK_FALSE(later->id);
  CHECK(later->fate == Fate::temporary);
  CHECK(later->text == "4.3.1 the queue is nearly full");
  answer(socket.number(), 'P', "5.7.1 not you");
  auto const never = client->commit(small_envelope());
  REQUIRE(never);
  CHECK(never->fate == Fate::permanent);
  for (auto const& [letter, text] : {std::pair{'Y', "not an id"}, std::pair{'M', ""}}) {
    answer(socket.number(), letter, text);
    CHECK_FALSE(client->commit(small_envelope()));
  }
}

TEST_CASE("what was begun can be abandoned, and what never left costs nothing") {
  Server const server;
  auto client = QueueClient::connect("queue-anyone");
  REQUIRE(client);
  Fd const socket = server.accept_client();
  REQUIRE(client->add("small"));
  REQUIRE(client->abandon());
  pollfd waiting{socket.number(), POLLIN, 0};
  CHECK(poll(&waiting, 1, 0) == 0);
  pid_t const child = fork();
  if (child == 0) {
    auto const request = read_request(socket.number());
    _exit(request && request->letters == "MX" ? 0 : 1);
  }
  REQUIRE(client->add(std::string(queue_frame_most + 5, 'x')));
  REQUIRE(client->abandon());
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(status == 0);
}

TEST_CASE("a server that went away is noticed, and asked again when it is back") {
  Server const server;
  auto client = QueueClient::connect("queue-anyone");
  REQUIRE(client);
  server.accept_client();  // and closes
  CHECK(client->is_stale());
  pid_t const child = fork();
  if (child == 0) {  // as it does when it is back
    Fd const socket = server.accept_client();
    auto const request = read_request(socket.number());
    std::string frame;
    append_queue_frame(frame, request && request->message == "kept" ? 'Y' : 'P', an_id);
    _exit(write_all(socket.number(), frame) ? 0 : 1);
  }
  REQUIRE(client->add("kept"));
  auto const answered = client->commit(small_envelope());
  waitpid(child, nullptr, 0);
  REQUIRE(answered);
  CHECK(answered->id);
  CHECK_FALSE(QueueClient::connect("queue-trusted"));
  CHECK(QueueClient::connect("queue-trusted").error().text() == "connect to run/queue-trusted/s: No such file or directory");
}
