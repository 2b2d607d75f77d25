#include "auth/key_server.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "lib/net/record.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

constexpr std::size_t most_connections = 1200;  // tlsd has fewer processes
constexpr unsigned most_requests = 4;           // of one connection, which is one handshake's
constexpr auto longest = Milliseconds{75s};

}  // namespace

void KeyServer::accept_all() {
  while (connections_.size() < most_connections) {
    Fd socket = listener_.accept(SOCK_NONBLOCK);
    if (!socket.is_open()) return;
    auto const peer = peer_of(socket.number());
    if (!peer)
      LogLine{"refused"}.add("error", peer.error().text()).write();
    else if (peer->uid != client_)
      LogLine{"refused"}.add("uid", std::uint64_t{peer->uid}).add("reason", "not pn-tls").write();
    else
      connections_.push_back({std::move(socket), {}, Deadline::in(longest)});
  }
}

bool KeyServer::answer(Connection& connection, std::string_view body) {
  auto const request = KeyRequest::parse(Wire{body});
  if (!request || ++connection.asked > most_requests) {
    LogLine{"refused"}.add("reason", request ? "too many requests" : request.error().what()).write();
    return false;
  }
  KeyAnswer const said = store_.answer(*request);
  if (said.signature.empty()) LogLine{"unsigned"}.add("reason", said.why).write();
  std::string const record = said.encoded();  // fits into the socket: whoever asks waits for it
  auto const sent = send(connection.socket.number(), record.data(), record.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && errno != EPIPE && errno != ECONNRESET) LogLine{"answer"}.add("error", system_error("send").text()).write();
  return sent == static_cast<ssize_t>(record.size());
}

bool KeyServer::serve(Connection& connection) {
  std::array<char, record_head + key_request_most> room;
  std::size_t const wanted = room.size() - connection.input.size();
  ssize_t const got = recv(connection.socket.number(), room.data(), wanted, MSG_DONTWAIT);
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return true;
    if (errno != ECONNRESET) LogLine{"read"}.add("error", system_error("receive").text()).write();
    return false;
  }
  if (got == 0) return false;
  connection.input.append(room.data(), static_cast<std::size_t>(got));
  if (connection.input.size() < record_head) return true;
  std::string_view const input{connection.input};
  auto const length = record_body_length(Wire{input.substr(0, record_head)}, key_request_most);
  if (!length || input.size() > record_head + *length) {
    LogLine{"refused"}.add("reason", "not a record, or more than one").write();
    return false;
  }
  if (input.size() < record_head + *length) return true;
  bool const goes_on = answer(connection, input.substr(record_head));
  connection.input.clear();
  return goes_on;
}

Status KeyServer::serve_until_signal(const Fd& signals) {
  std::vector<pollfd> waiting;
  for (;;) {
    Deadline next = store_.wipe().or_sooner(listener_.wakes());
    std::erase_if(connections_, [](const Connection& connection) { return connection.until.has_passed(); });
    waiting.clear();
    waiting.push_back({signals.number(), POLLIN, 0});
    waiting.push_back({listener_.number_while(connections_.size() < most_connections), POLLIN, 0});
    for (const Connection& connection : connections_) {
      waiting.push_back({connection.socket.number(), POLLIN, 0});
      next = next.or_sooner(connection.until);
    }
    if (poll(waiting.data(), waiting.size(), next.poll_timeout()) < 0 && errno != EINTR) return system_error("poll");
    if (waiting[0].revents != 0) return Done{};
    for (std::size_t i = connections_.size(); i > 0; --i)
      if (waiting[i + 1].revents != 0 && !serve(connections_[i - 1]))
        connections_.erase(connections_.begin() + static_cast<std::ptrdiff_t>(i - 1));
    if (waiting[1].revents != 0) accept_all();
  }
}

}  // namespace postern
