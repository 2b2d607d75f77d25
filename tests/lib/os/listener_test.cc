#include "lib/os/listener.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace postern;

namespace {

// An abstract socket that listens and does not block, and a client that waits for it.
struct Waiting {
  Fd listening{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  Fd client{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  Waiting() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socklen_t length = sizeof(sa_family_t);  // the kernel finds a name
    REQUIRE(bind(listening.number(), reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(listen(listening.number(), 4) == 0);
    length = sizeof address;
    REQUIRE(getsockname(listening.number(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    REQUIRE(connect(client.number(), reinterpret_cast<sockaddr*>(&address), length) == 0);
  }
};

}  // namespace

TEST_CASE("a listener gives each connection once, and -1 while there is no room") {
  Waiting const waiting;
  Listener listener{waiting.listening.number()};
  CHECK(listener.number_while(true) == waiting.listening.number());
  CHECK(listener.number_while(false) == -1);
  CHECK(listener.accept(SOCK_NONBLOCK).is_open());
  CHECK_FALSE(listener.accept(SOCK_NONBLOCK).is_open());  // none is there: no trouble, and no rest
  CHECK(listener.number_while(true) == waiting.listening.number());
  CHECK(listener.wakes().poll_timeout() == -1);
}

TEST_CASE("a listener rests when there is no descriptor for a connection, which waits") {
  Waiting const waiting;
  Listener listener{waiting.listening.number()};
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit const none{0, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  bool const is_taken = listener.accept(0).is_open();
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK_FALSE(is_taken);
  CHECK(listener.number_while(true) == -1);
  int const pause = listener.wakes().poll_timeout();
  CHECK(pause > 0);
  CHECK(pause <= 501);
}
