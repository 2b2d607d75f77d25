// Tests of lib/os/directory, fd and io: nothing follows links, nothing blocks, nothing is half done without an error.
#include "lib/os/directory.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>

#include "lib/os/io.h"
#include "lib/os/socket.h"
#include "tests/scratch.h"

using namespace postern;

namespace {

bool is_close_on_exec(int fd) { return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }

}  // namespace

TEST_CASE("files are made new, with exactly the mode asked for, and close on exec") {
  Scratch const scratch;
  auto const directory = *Directory::open(scratch.path());
  CHECK(is_close_on_exec(directory.number()));
  auto const file = directory.create_file("new", 0640);
  REQUIRE(file);
  CHECK(is_close_on_exec(file->number()));
  CHECK((directory.status_of("new")->st_mode & 07777) == 0640);
  auto const again = directory.create_file("new", 0640);
  REQUIRE_FALSE(again);
  CHECK(again.error().number() == EEXIST);
  CHECK(again.error().text() == "create new: File exists");
  REQUIRE(directory.make_directory("sub", 0710));
  CHECK((directory.status_of("sub")->st_mode & 07777) == 0710);
  CHECK(directory.make_directory("sub", 0710).error().number() == EEXIST);
}

TEST_CASE("appending makes a file once and goes on behind what is there") {
  Scratch const scratch;
  auto const directory = *Directory::open(scratch.path());
  for (std::string_view const text : {"one\n", "two\n"}) {
    auto const file = directory.append_file("log", 0600);
    REQUIRE(file);
    REQUIRE(write_all(file->number(), text));
  }
  CHECK(*read_all(directory.open_file("log")->number(), 100) == "one\ntwo\n");
}

TEST_CASE("a symbolic link is refused, whatever it points to") {
  Scratch const scratch;
  auto const directory = *Directory::open(scratch.path());
  scratch.write("file", "text");
  scratch.make_directory("sub");
  REQUIRE(symlinkat("file", directory.number(), "to-file") == 0);
  REQUIRE(symlinkat("sub", directory.number(), "to-sub") == 0);
  REQUIRE(symlinkat("/etc/passwd", directory.number(), "outside") == 0);
  REQUIRE(symlinkat("missing", directory.number(), "to-nothing") == 0);
  for (const char* const name : {"to-file", "outside", "to-nothing"}) {
    INFO(name);
    CHECK_FALSE(directory.open_file(name));
    CHECK(directory.open_file(name).error().number() == ELOOP);
    CHECK_FALSE(directory.append_file(name, 0600));
    CHECK_FALSE(directory.create_file(name, 0600));
    CHECK(S_ISLNK(directory.status_of(name)->st_mode));
  }
  CHECK_FALSE(directory.open_directory("to-sub"));
  CHECK(directory.open_directory("sub"));
  CHECK_FALSE(directory.open_directory("file"));
  CHECK(is_missing(directory.status_of("missing").error()));
}

TEST_CASE("a FIFO in the place of a file does not block its reader") {
  Scratch const scratch;
  auto const directory = *Directory::open(scratch.path());
  REQUIRE(mkfifo(scratch.path("fifo").c_str(), 0600) == 0);
  CHECK(directory.open_file("fifo"));
}

TEST_CASE("link, rename, unlink and names do what they say") {
  Scratch const scratch;
  auto const directory = *Directory::open(scratch.path());
  scratch.make_directory("to");
  auto const to = *directory.open_directory("to");
  scratch.write("a", "text");
  REQUIRE(directory.link("a", to, "b"));
  CHECK(directory.link("a", to, "b").error().number() == EEXIST);
  CHECK(directory.status_of("a")->st_ino == to.status_of("b")->st_ino);
  REQUIRE(directory.rename("a", to, "c"));
  CHECK(is_missing(directory.unlink("a").error()));
  REQUIRE(to.unlink("b"));
  CHECK(*to.names() == std::vector<std::string>{"c"});
  CHECK(*to.names() == std::vector<std::string>{"c"});  // a second listing starts at the beginning
  for (int i = 0; i < 1000; ++i) scratch.write("to/" + std::to_string(i), "");
  auto names = *to.names();
  CHECK(names.size() == 1001);
  std::sort(names.begin(), names.end());
  CHECK(std::unique(names.begin(), names.end()) == names.end());
  CHECK(is_missing(Directory::open(scratch.path("none")).error()));
}

TEST_CASE("a descriptor is closed once, and closing keeps errno") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  {
    Fd const reading{ends[0]};
    Fd moved{ends[1]};
    Fd target = std::move(moved);
    CHECK_FALSE(moved.is_open());
    Fd& same = target;
    target = std::move(same);
    CHECK(target.number() == ends[1]);
    errno = ENOSPC;
  }
  CHECK(errno == ENOSPC);
  CHECK(fcntl(ends[0], F_GETFD) == -1);
  CHECK(fcntl(ends[1], F_GETFD) == -1);
  Fd released{open("/dev/null", O_RDONLY | O_CLOEXEC)};
  int const number = released.release();
  CHECK(fcntl(number, F_GETFD) != -1);
  close(number);
}

TEST_CASE("reading is whole or an error") {
  auto [ours, theirs] = *stream_pair();
  char room[8];
  REQUIRE(write_all(ours.number(), "1234", "5678"));
  REQUIRE(read_exactly(theirs.number(), room));
  CHECK(std::string_view{room, 8} == "12345678");
  REQUIRE(write_all(ours.number(), "123"));
  ours.close();
  auto const early = read_exactly(theirs.number(), room, Deadline::in(5s));
  REQUIRE_FALSE(early);
  CHECK(early.error().number() == ECONNRESET);
  CHECK(*read_some(theirs.number(), room) == 0);
  CHECK(write_all(theirs.number(), "x").error().number() == EPIPE);
}

TEST_CASE("a wait that is over is a time-out, on blocking and other descriptors") {
  auto [ours, theirs] = *stream_pair();
  char room[8];
  for (int round = 0; round < 2; ++round) {
    CHECK(read_some(theirs.number(), room, Deadline::in(1ms)).error().number() == ETIMEDOUT);
    CHECK(read_exactly(theirs.number(), room, Deadline::in(1ms)).error().number() == ETIMEDOUT);
    REQUIRE(set_nonblocking(theirs.number()));
    REQUIRE(set_nonblocking(ours.number()));
  }
  CHECK(write_all(ours.number(), std::string(8u << 20, 'x'), Deadline::in(20ms)).error().number() == ETIMEDOUT);
  CHECK(wait_readable(theirs.number(), Deadline::in(5s)));
}

TEST_CASE("files are read and written at places, and have a most") {
  Scratch const scratch;
  auto const directory = *Directory::open(scratch.path());
  auto const file = *directory.create_file("file", 0600);
  REQUIRE(pwrite_all(file.number(), "world", 6));
  REQUIRE(pwrite_all(file.number(), "hello ", 0));
  REQUIRE(sync_file(file.number()));
  char room[5];
  REQUIRE(pread_exactly(file.number(), room, 6));
  CHECK(std::string_view{room, 5} == "world");
  auto const beyond = pread_exactly(file.number(), room, 7);
  REQUIRE_FALSE(beyond);
  CHECK(beyond.error().is_permanent());
  lseek(file.number(), 0, SEEK_SET);
  CHECK(*read_all(file.number(), 11) == "hello world");
  lseek(file.number(), 0, SEEK_SET);
  CHECK(read_all(file.number(), 10).error().is_permanent());
  CHECK_FALSE(sync_file(-1));
}

TEST_CASE("a descriptor is passed with its bytes, and the peer is known") {
  auto [ours, theirs] = *stream_pair();
  CHECK(peer_of(ours.number())->uid == getuid());
  CHECK(peer_of(ours.number())->pid == getpid());
  Scratch const scratch;
  scratch.write("file", "content");
  auto const file = *Directory::open(scratch.path())->open_file("file");
  REQUIRE(send_with_fd(ours.number(), "with", file.number()));
  char room[16];
  auto const received = receive_with_fd(theirs.number(), room);
  REQUIRE(received);
  CHECK(received->bytes == 4);
  REQUIRE(received->fd.is_open());
  CHECK(is_close_on_exec(received->fd.number()));
  CHECK(*read_all(received->fd.number(), 100) == "content");
  REQUIRE(write_all(ours.number(), "without"));
  auto const plain = receive_with_fd(theirs.number(), room);
  CHECK_FALSE(plain->fd.is_open());
  CHECK(plain->bytes == 7);
  ours.close();
  CHECK(receive_with_fd(theirs.number(), room)->bytes == 0);
  CHECK(connect_stream(std::string(200, 'p')).error().is_permanent());
  CHECK(service_socket("queue-anyone") == "run/queue-anyone/s");
}

TEST_CASE("of two descriptors in one message none is left open that nobody knows of") {
  auto [ours, theirs] = *stream_pair();
  int const two[] = {ours.number(), ours.number()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof two)] = {};
  char byte = 'x';
  iovec piece{&byte, 1};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof two);
  std::memcpy(CMSG_DATA(header), two, sizeof two);
  Fd const before{dup(0)};
  REQUIRE(sendmsg(ours.number(), &message, 0) == 1);
  char room[16];
  {
    auto const received = receive_with_fd(theirs.number(), room);
    REQUIRE(received);
    CHECK(received->bytes == 1);
  }
  Fd const after{dup(0)};
  CHECK(after.number() == before.number() + 1);  // the lowest that is free
}

TEST_CASE("readiness is a newline on the descriptor that is named, once, or nothing") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  Fd const reading{ends[0]};
  notify_ready(std::to_string(ends[1]));
  CHECK(*read_all(reading.number(), 10) == "\n");  // and it was closed
  notify_ready("");
  notify_ready("three");
  notify_ready("-1");
}
