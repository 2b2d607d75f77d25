// Fuzz target of a whole session with a server that says anything: the input is what it says, cut at bytes 0xff; it says the next
// piece when it has heard something, and leaves behind the last. Whatever it is, each recipient is reported exactly once, no
// message counts as taken that was not sent to its end, and what we say is whole lines.
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <thread>

#include "lib/core/crc32c.h"
#include "lib/mail/header.h"
#include "lib/os/io.h"
#include "remote/smtp_client.h"

using namespace postern;

namespace {

void require(bool holds) {
  if (!holds) abort();
}

class CountingPort final : public DeliveryPort {
 public:
  unsigned reports[3] = {};
  unsigned taken = 0;
  unsigned asked = 0;
  void report(std::uint32_t recipient, Outcome outcome, Blame, const std::string& text) override {
    require(recipient < 3 && ++reports[recipient] == 1);
    bool const is_taken = outcome == Outcome::relayed || outcome == Outcome::passed;
    taken += is_taken;
    require(text.size() > 5 && text[0] == (is_taken ? '2' : outcome == Outcome::failed ? '5' : '4'));
    for (char const c : text) require(static_cast<unsigned char>(c) >= 0x20);
  }
  bool may_finish() override {
    ++asked;
    return true;
  }
};

// Says a piece, hears what comes, and so on; gives everything it heard.
std::string play(Fd socket, std::string_view pieces) {
  std::string heard;
  char room[4096];
  for (bool is_last = false; !is_last;) {
    std::size_t const cut = pieces.find('\xff');
    is_last = cut == std::string_view::npos;
    if (!write_all(socket.number(), pieces.substr(0, cut), Deadline::in(1s))) break;
    pieces.remove_prefix(is_last ? pieces.size() : cut + 1);
    pollfd waiting{socket.number(), POLLIN, 0};
    if (is_last || poll(&waiting, 1, 3) <= 0) continue;
    ssize_t const got = recv(socket.number(), room, sizeof room, MSG_DONTWAIT);
    if (got <= 0) break;
    heard.append(room, static_cast<std::size_t>(got));
  }
  shutdown(socket.number(), SHUT_WR);
  while (auto const got = read_some(socket.number(), room, Deadline::in(20s))) {
    if (*got == 0) break;
    heard.append(room, *got);
  }
  return heard;
}

class NoDoor final : public TlsDoor {
 public:
  Result<Fd> open() override { return temporary("there is no tlsd"); }
};

struct Material {
  Fd file{memfd_create("message", MFD_CLOEXEC)};
  Envelope envelope;
  Frame frame;
  std::uint32_t indexes[3] = {0, 1, 2};
  Material() {
    std::string const message = "Subject: x\n\n.dot\n\xc3\xa4\n";
    envelope.sender = *Address::parse(Wire{"alice@here.example"});
    for (std::string_view const name : {"a@there.example", "b@there.example", "\xc3\xa4@there.example"})
      envelope.recipients.push_back({*Address::parse(Wire{name}), notify_success, "rfc822;x", 0});
    frame.message_length = message.size();
    frame.message_crc = crc32c(0, message);
    require(pwrite_all(file.number(), std::string(Frame::size, ' ') + message, 0).has_value());
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Material const material;
  std::string_view const bytes{reinterpret_cast<const char*>(data), size};
  int ends[2];
  require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  std::string heard;
  std::thread peer{[&heard, bytes, socket = ends[1]] { heard = play(Fd{socket}, bytes); }};
  unsigned ended = 0;
  {
    SmtpClient client{Fd{ends[0]}, {"mx.there.example", *IpAddress::parse(Wire{"127.0.0.2"})}};
    bool const has_login = size % 2 == 1;
    NoDoor door;
    TlsPlan const plan{size % 3 == 0 ? TlsPlan::Demand::never : TlsPlan::Demand::may};
    auto const refusal = client.greet("here.example", has_login ? std::optional{SmtpLogin{"u", "p"}} : std::nullopt, plan, door);
    require(!refusal || !refusal->text.empty());
    for (int round = 0; !refusal && round < 2 && client.is_usable(); ++round) {
      CountingPort port;
      bool const is_done = client.deliver({material.file.number(), material.frame, material.envelope, material.indexes}, port);
      require(is_done || round > 0);
      for (unsigned const reports : port.reports) require(reports == (is_done ? 1 : 0));
      require(port.taken == 0 || port.asked > 0);
      ended += port.asked;
    }
    client.quit();
  }
  peer.join();
  for (std::size_t at = 0; (at = heard.find_first_of("\r\n", at)) != std::string::npos; at += 2)
    require(heard.substr(at, 2) == "\r\n" || at + 1 == heard.size());
  unsigned dots = 0;
  for (std::size_t at = 0; (at = heard.find("\r\n.\r\n", at)) != std::string::npos; ++at) ++dots;
  require(dots <= ended + 2);  // and an empty message where DATA was taken for nobody
  return 0;
}
