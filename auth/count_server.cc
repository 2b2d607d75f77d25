#include "auth/count_server.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "lib/net/record.h"
#include "lib/os/log.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

constexpr std::size_t most_keys = 16384;    // of one uid
constexpr std::size_t most_clients = 1000;  // likewise
constexpr std::size_t input_room = 4 * (record_head + count_record_most);

constexpr int wait_for_room = 20;  // milliseconds

}  // namespace

Result<CountServer> CountServer::make(std::initializer_list<uid_t> askers, int listener, int signals) {
  Fd epoll{epoll_create1(EPOLL_CLOEXEC)};
  if (!epoll.is_open()) return system_error("epoll_create1");
  CountServer server{std::move(epoll), listener, signals};
  for (uid_t const uid : askers) server.askers_.try_emplace(uid, most_keys);
  TRY(server.watch(listener));
  TRY(server.watch(signals));
  return server;
}

Status CountServer::watch(int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, fd, &event) != 0) return system_error("epoll_ctl");
  return Done{};
}

Status CountServer::run() {
  std::array<epoll_event, 64> events;
  for (;;) {
    int const count = epoll_wait(epoll_.number(), events.data(), static_cast<int>(events.size()), -1);
    if (count < 0 && errno != EINTR) return system_error("epoll_wait");
    for (int i = 0; i < count; ++i) {
      int const fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == signals_) return Done{};
      if (fd == listener_)
        accept_client();
      else
        serve(fd);
    }
  }
}

// At most one line a second: who is refused may come again and again.
void CountServer::refuse(uid_t uid, std::string_view why) {
  Milliseconds const now = monotonic_now();
  if (last_refusal_ != Milliseconds{0} && now - last_refusal_ < 1s) return;
  last_refusal_ = now;
  LogLine{"refused"}.add("uid", uid).add("reason", why).write();
}

void CountServer::accept_client() {
  Fd socket{accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
  if (!socket.is_open()) {
    bool const is_short = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
    if (is_short) poll(nullptr, 0, wait_for_room);  // the listener stays readable: no loop without a pause
    return;
  }
  auto const peer = peer_of(socket.number());
  if (!peer) return;
  auto const asker = askers_.find(peer->uid);
  if (asker == askers_.end()) return refuse(peer->uid, "this uid is not to ask");
  if (asker->second.clients >= most_clients) return refuse(peer->uid, "too many connections");
  int const fd = socket.number();
  if (!watch(fd)) return refuse(peer->uid, "no memory for a connection");
  ++asker->second.clients;
  clients_.emplace(fd, Client{std::move(socket), &asker->second, {}});
}

void CountServer::drop(int fd) {
  auto const client = clients_.find(fd);
  --client->second.asker->clients;
  clients_.erase(client);
}

void CountServer::serve(int fd) {
  auto const client = clients_.find(fd);
  if (client == clients_.end()) return;  // it was dropped in this round
  auto const heard = hear(client->second);
  if (!heard || !*heard) drop(fd);
}

Result<bool> CountServer::hear(Client& client) {
  std::array<char, input_room> room;
  ssize_t const got = recv(client.socket.number(), room.data(), room.size(), 0);
  if (got == 0) return false;
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  client.input.append(room.data(), static_cast<std::size_t>(got));
  Seconds const now = std::chrono::duration_cast<Seconds>(monotonic_now());
  std::string answers;
  std::size_t taken = 0;
  while (client.input.size() - taken >= record_head) {
    std::string_view const rest = std::string_view{client.input}.substr(taken);
    std::size_t const length = TRY(record_body_length(Wire{rest.substr(0, record_head)}, count_record_most));
    if (rest.size() < record_head + length) break;
    CountRequest const request = TRY(CountRequest::parse(Wire{rest.substr(record_head, length)}));
    answers += client.asker->table.answer(request, now).encoded();
    taken += record_head + length;
  }
  client.input.erase(0, taken);
  if (client.input.empty()) client.input.shrink_to_fit();
  if (answers.empty()) return true;
  ssize_t const sent = send(client.socket.number(), answers.data(), answers.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent == static_cast<ssize_t>(answers.size());
}

}  // namespace postern
