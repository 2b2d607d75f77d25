// scripted_peer - the other side of a connection, played by a thread; and a queue file and a port to deliver from
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "lib/core/crc32c.h"
#include "lib/os/io.h"
#include "lib/os/socket.h"
#include "remote/smtp_client.h"

namespace postern {

// What a script does on its side. Reading at the end of the connection gives nothing, and the script goes on.
class PeerSide {
 public:
  explicit PeerSide(Fd socket) : socket_(std::move(socket)) {}

  // What a script finds wrong is told when it has ended: Catch2 hears one thread.
  void is(std::string_view actual, std::string_view wanted) {
    if (actual != wanted) complaints_ += "<" + std::string{actual} + "> is not <" + std::string{wanted} + ">\n";
  }
  void holds(bool condition) {
    if (!condition) complaints_ += "a condition of the script does not hold\n";
  }
  const std::string& complaints() const { return complaints_; }

  void say(std::string_view text) { (void)write_all(socket_.number(), text); }
  std::string line() {
    for (;;) {
      std::size_t const end = waiting_.find('\n');
      if (end != std::string::npos) return take(end + 1);
      if (!read_more()) return take(waiting_.size());
    }
  }
  std::string bytes(std::size_t count) {
    while (waiting_.size() < count && read_more()) continue;
    return take(std::min(count, waiting_.size()));
  }
  // Up to the end of a message, as a strict receiver sees it; without the end.
  std::string message() {
    for (;;) {
      std::string const text = "\r\n" + waiting_;
      std::size_t const end = text.find("\r\n.\r\n");
      if (end != std::string::npos) {
        waiting_ = text.substr(end + 5);
        return text.substr(2, end);
      }
      if (!read_more()) return take(waiting_.size()) + "(cut)";
    }
  }
  std::string rest() {
    while (read_more()) continue;
    return take(waiting_.size());
  }
  void close() { socket_.close(); }
  int fd() const { return socket_.number(); }

 private:
  bool read_more() {
    char room[65536];
    auto const got = socket_.is_open() ? read_some(socket_.number(), room, Deadline::in(20s)) : std::size_t{0};
    if (!got || *got == 0) return false;
    waiting_.append(room, *got);
    return true;
  }
  std::string take(std::size_t count) {
    std::string const taken = waiting_.substr(0, count);
    waiting_.erase(0, count);
    return taken;
  }
  Fd socket_;
  std::string waiting_;
  std::string complaints_;
};

using Script = std::function<void(PeerSide&)>;

inline const MailHost test_host{"mx.there.example", *IpAddress::parse(Wire{"127.0.0.2"})};

// For connections that are to stay in the clear.
class NoDoor final : public TlsDoor {
 public:
  Result<Fd> open() override { return temporary("there is no tlsd"); }
};
inline NoDoor no_door;

// A client whose other side runs `script` until it returns; then its socket is closed.
class ScriptedClient {
 public:
  explicit ScriptedClient(Script script, const SmtpTimes& times = {}) : ScriptedClient(pair(), std::move(script), times) {}
  // The connection ends, and the script's end is awaited.
  ~ScriptedClient() {
    client.quit();
    thread_.join();
    CHECK(complaints_ == "");
  }
  SmtpClient client;

 private:
  static std::pair<Fd, Fd> pair() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) abort();
    return {Fd{ends[0]}, Fd{ends[1]}};
  }
  ScriptedClient(std::pair<Fd, Fd> ends, Script script, const SmtpTimes& times)
      : client(std::move(ends.first), test_host, times),
        thread_([this, script = std::move(script), socket = ends.second.release()] {
          PeerSide side{Fd{socket}};
          script(side);
          complaints_ = side.complaints();
        }) {}
  std::string complaints_;
  std::thread thread_;
};

struct Heard {
  Outcome outcome;
  Blame blame;
  std::string text;
};

class RecordingPort final : public DeliveryPort {
 public:
  std::map<std::uint32_t, std::vector<Heard>> heard;
  bool finishes = true;
  int asked = 0;

  void report(std::uint32_t recipient, Outcome outcome, Blame blame, const std::string& text) override {
    heard[recipient].push_back({outcome, blame, text});
  }
  bool may_finish() override {
    ++asked;
    return finishes;
  }
};

// A message in a queue file of its own.
class TestLetter {
 public:
  explicit TestLetter(std::string_view message, std::vector<std::string> recipients = {"bob@there.example"})
      : file_(memfd_create("message", MFD_CLOEXEC)) {
    envelope.sender = *Address::parse(Wire{"alice@here.example"});
    for (const std::string& recipient : recipients) {
      indexes_.push_back(static_cast<std::uint32_t>(indexes_.size()));
      envelope.recipients.push_back({*Address::parse(Wire{recipient}), 0, {}, 0});
    }
    frame.message_length = message.size();
    frame.message_crc = crc32c(0, message);
    if (!pwrite_all(file_.number(), std::string(Frame::size, ' ') + std::string{message}, 0)) abort();
  }
  Envelope envelope;
  Frame frame;
  Letter letter() const { return {file_.number(), frame, envelope, indexes_}; }
  int file() const { return file_.number(); }

 private:
  Fd file_;
  std::vector<std::uint32_t> indexes_;
};

}  // namespace postern
