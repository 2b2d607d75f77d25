#include "lib/net/tls_client.h"

#include <sys/socket.h>

#include <array>

#include "lib/os/io.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

Error broke_off() { return Error{Fate::temporary, "tlsd ends the connection", {}, ECONNRESET}; }

// Where tlsd ends the connection before the request is out, what it said first counts.
bool is_ended(const Error& error) { return error.number() == EPIPE || error.number() == ECONNRESET; }

// The line, and nothing behind it: what is there is looked at first, and taken up to its LF.
Result<TlsFacts> read_facts(int socket, Deadline deadline) {
  std::array<char, tls_answer_most> room;
  std::size_t length = 0;
  for (;;) {
    TRY(wait_readable(socket, deadline));
    ssize_t const seen = recv(socket, room.data() + length, room.size() - length, MSG_PEEK | MSG_DONTWAIT);
    if (seen == 0) return broke_off();
    if (seen < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (seen < 0) return system_error("read from tlsd");
    std::string_view const ahead{room.data() + length, static_cast<std::size_t>(seen)};
    std::size_t const end = ahead.find('\n');
    std::size_t const taken = end == std::string_view::npos ? ahead.size() : end + 1;
    TRY(read_exactly(socket, {room.data() + length, taken}, deadline));
    length += taken;
    if (end != std::string_view::npos) break;
    if (length == room.size()) return Error{Fate::temporary, "tlsd answers without an end", {}, EPROTO};
  }
  auto facts = TlsFacts::parse(Wire{std::string_view{room.data(), length - 1}});
  if (!facts && facts.error().is_permanent()) return Error{Fate::temporary, "tlsd answers nonsense", {}, EPROTO};
  return facts;
}

Result<TlsConnection> hand_over(Fd tlsd, int network, std::string_view request, Deadline deadline) {
  auto const sent = send_with_fd(tlsd.number(), request, network, deadline);
  if (!sent && !is_ended(sent.error())) return sent.error();
  TlsFacts facts = TRY(read_facts(tlsd.number(), deadline));
  if (!sent) return broke_off();
  return TlsConnection{std::move(tlsd), std::move(facts)};
}

}  // namespace

Result<Fd> connect_tlsd() { return connect_stream_at_once(service_socket("tlsd")); }
Result<Fd> connect_tlsc() { return connect_stream_at_once(service_socket("tlsc")); }

Result<TlsConnection> tls_accept(Fd tlsd, int network, const TlsService& service, Deadline deadline) {
  return hand_over(std::move(tlsd), network, service.encoded(), deadline);
}

Result<TlsConnection> tls_connect(Fd tlsc, int network, const TlsWanted& wanted, Deadline deadline) {
  return hand_over(std::move(tlsc), network, wanted.encoded(), deadline);
}

}  // namespace postern
