// fake_tls - tlsd, as far as remote sees it, and an encryption that a script can speak: the words "tls?" and "tls!", each a line,
// are the handshake, and then all goes as it is
#pragma once

#include <poll.h>

#include <array>
#include <atomic>
#include <optional>
#include <thread>

#include "lib/net/record.h"
#include "tests/remote/scripted_peer.h"

namespace postern {

class FakeTls final : public TlsDoor {
 public:
  // What it answers where the host speaks the handshake: a line, or nothing at all: then it is gone.
  explicit FakeTls(std::string answer) : answer_(std::move(answer)) {}
  explicit FakeTls(const TlsFacts& facts) : FakeTls(facts.encoded()) {}
  FakeTls(const FakeTls&) = delete;
  FakeTls& operator=(const FakeTls&) = delete;
  ~FakeTls() override { join(); }

  Result<Fd> open() override {
    join();
    auto ends = stream_pair();
    if (!ends) return ends.error();
    ++opened;
    thread_ = std::thread{[this, socket = ends->second.release()] { serve(Fd{socket}); }};
    return std::move(ends->first);
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  int opened = 0;
  std::optional<TlsWanted> wanted;  // after join()

 private:
  void serve(Fd asker) {
    char head[record_head];
    auto received = receive_with_fd(asker.number(), head);
    if (!received || received->bytes != sizeof head || !received->fd.is_open()) return;
    std::string body(*record_body_length(Wire{std::string_view{head, sizeof head}}, tls_request_most), '\0');
    if (!read_exactly(asker.number(), body)) return;
    auto parsed = TlsWanted::parse(Wire{body});
    if (!parsed) return;
    wanted = *parsed;
    PeerSide network{std::move(received->fd)};
    network.say("tls?\n");
    bool const is_spoken = network.line() == "tls!\n";
    std::string const answer = is_spoken ? answer_ : tls_refusal(TlsTrouble::peers, "this is no TLS");
    if (!write_all(asker.number(), answer) || answer.empty() || !answer.starts_with("ok")) return;
    relay(asker.number(), network.fd());
  }

  static void relay(int one, int other) {
    std::array<pollfd, 2> waiting{{{one, POLLIN, 0}, {other, POLLIN, 0}}};
    std::array<char, 65536> room;
    while (poll(waiting.data(), waiting.size(), -1) > 0)
      for (std::size_t at = 0; at < 2; ++at) {
        if (waiting[at].revents == 0) continue;
        ssize_t const got = read(waiting[at].fd, room.data(), room.size());
        if (got <= 0 || !write_all(waiting[1 - at].fd, {room.data(), static_cast<std::size_t>(got)})) return;
      }
  }

  std::string answer_;
  std::thread thread_;
};

}  // namespace postern
