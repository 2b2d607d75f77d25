#include "auth/tls_relay.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <array>

namespace postern {
namespace {

constexpr std::size_t room_size = 16384;  // a TLS record's plaintext

struct Room {
  std::array<char, room_size> bytes;
  std::size_t first = 0, last = 0;
  bool is_empty() const { return first == last; }
};

class Relay {
 public:
  Relay(SSL* ssl, int network, int plaintext, Milliseconds grace)
      : ssl_(ssl), network_(network), plaintext_(plaintext), grace_(grace) {}

  RelayEnd run() {
    while (end_.how.empty()) {
      network_waits_ = plaintext_waits_ = 0;
      bool moved = from_network();
      moved |= to_plaintext();
      moved |= from_plaintext();
      moved |= to_network();
      if (until_.has_passed()) finish("timeout");  // also of one who never stops talking
      if (!end_.how.empty() || moved) continue;
      if (is_over()) return finish("closed");
      wait();
    }
    return end_;
  }

 private:
  RelayEnd finish(std::string_view how) {
    if (end_.how.empty()) end_.how = how;
    return end_;
  }

  bool is_over() const { return network_ended_ && is_shut_ && inward_.is_empty(); }

  // What an SSL call that did not go on waits for, or why it never will.
  void judge(int result) {
    switch (SSL_get_error(ssl_, result)) {
      case SSL_ERROR_WANT_READ:
        network_waits_ |= POLLIN;
        break;
      case SSL_ERROR_WANT_WRITE:
        network_waits_ |= POLLOUT;
        break;
      case SSL_ERROR_ZERO_RETURN:
        network_ended_ = true;
        break;
      default: {
        bool const is_cut = ERR_peek_error() == 0 || ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
        ERR_clear_error();
        // Who has closed its side and got all, may go without a word.
        finish(is_shut_ && is_cut ? "closed" : is_cut ? "cut" : "broken");
      }
    }
  }

  bool from_network() {
    if (network_ended_ || !inward_.is_empty()) return false;
    ERR_clear_error();
    int const got = SSL_read(ssl_, inward_.bytes.data(), static_cast<int>(inward_.bytes.size()));
    if (got > 0) {
      inward_.first = 0;
      inward_.last = static_cast<std::size_t>(got);
      return true;
    }
    judge(got);
    return network_ended_;
  }

  bool to_plaintext() {
    if (plaintext_gone_) inward_.first = inward_.last;  // nobody reads it
    if (!inward_.is_empty()) {
      ssize_t const sent =
          send(plaintext_, inward_.bytes.data() + inward_.first, inward_.last - inward_.first, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent > 0) {
        explicit_bzero(inward_.bytes.data() + inward_.first, static_cast<std::size_t>(sent));  // it may be a password
        inward_.first += static_cast<std::size_t>(sent);
        end_.from_network += static_cast<std::uint64_t>(sent);
        return true;
      }
      if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        plaintext_gone_ = true;  // what it said before is still taken
        inward_.first = inward_.last;
        start_grace();
        return true;
      }
      plaintext_waits_ |= POLLOUT;
      return false;
    }
    if (!network_ended_ || told_end_) return false;
    shutdown(plaintext_, SHUT_WR);
    return told_end_ = true;
  }

  void start_grace() {
    if (!has_grace_) until_ = Deadline::in(grace_);
    has_grace_ = true;
  }

  bool from_plaintext() {
    if (plaintext_ended_ || !outward_.is_empty()) return false;
    ssize_t const got = recv(plaintext_, outward_.bytes.data(), outward_.bytes.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      plaintext_waits_ |= POLLIN;
      return false;
    }
    if (got <= 0) {
      plaintext_ended_ = true;
      start_grace();
      return true;
    }
    outward_.first = 0;
    outward_.last = static_cast<std::size_t>(got);
    return true;
  }

  bool to_network() {
    if (outward_.is_empty()) return plaintext_ended_ && shut_network();
    ERR_clear_error();
    int const sent = SSL_write(ssl_, outward_.bytes.data() + outward_.first, static_cast<int>(outward_.last - outward_.first));
    if (sent > 0) {
      outward_.first += static_cast<std::size_t>(sent);
      end_.to_network += static_cast<std::uint64_t>(sent);
      return true;
    }
    judge(sent);
    return false;
  }

  bool shut_network() {
    if (is_shut_) return false;
    ERR_clear_error();
    int const result = SSL_shutdown(ssl_);  // sends close_notify; what the peer still says is read
    if (result < 0) {
      judge(result);
      return false;
    }
    shutdown(network_, SHUT_WR);
    return is_shut_ = true;
  }

  void wait() {
    // A side of which nothing is wanted would say again and again that it hung up.
    bool const watches_plaintext = plaintext_waits_ != 0 || (!plaintext_ended_ && !plaintext_hung_up_);
    pollfd waiting[2] = {{network_waits_ != 0 ? network_ : -1, network_waits_, 0},
                         {watches_plaintext ? plaintext_ : -1, plaintext_waits_, 0}};
    if (poll(waiting, 2, until_.poll_timeout()) < 0 && errno != EINTR) finish("failed");
    if (waiting[1].revents & (POLLHUP | POLLERR)) {
      plaintext_hung_up_ = true;
      start_grace();
    }
  }

  SSL* ssl_;
  int network_, plaintext_;
  Milliseconds grace_;
  Room inward_, outward_;
  short network_waits_ = 0, plaintext_waits_ = 0;
  bool network_ended_ = false;    // close_notify came
  bool told_end_ = false;         // and the plaintext's side knows
  bool plaintext_ended_ = false;  // nothing more comes from it
  bool plaintext_gone_ = false;   // nor goes to it
  bool plaintext_hung_up_ = false;
  bool has_grace_ = false;
  bool is_shut_ = false;  // close_notify went
  Deadline until_ = Deadline::never();
  RelayEnd end_;
};

}  // namespace

RelayEnd relay(SSL* ssl, int network, int plaintext, Milliseconds grace) { return Relay{ssl, network, plaintext, grace}.run(); }

}  // namespace postern
