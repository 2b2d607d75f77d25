#include "send/order_clients.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "lib/os/log.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

constexpr std::size_t most_clients = 32;
constexpr std::size_t most_input = 64 * 1024;
constexpr std::size_t most_output = 1u << 20;

bool would_wait() { return errno == EAGAIN || errno == EINTR; }

}  // namespace

void OrderClients::add_to_poll(std::vector<pollfd>& waiting) const {
  if (listener_ >= 0) waiting.push_back({listener_, static_cast<short>(clients_.size() < most_clients ? POLLIN : 0), 0});
  for (const Client& client : clients_) {
    bool const has_room = client.input.size() < most_input && client.unanswered < orders_at_once;
    waiting.push_back(
        {client.socket.number(), static_cast<short>((has_room ? POLLIN : 0) | (client.output.empty() ? 0 : POLLOUT)), 0});
  }
}

void OrderClients::hear(const std::vector<pollfd>& waiting) {
  auto const events_of = [&waiting](int fd) -> short {
    auto const found = std::find_if(waiting.begin(), waiting.end(), [fd](const pollfd& entry) { return entry.fd == fd; });
    return found == waiting.end() ? short{0} : found->revents;
  };
  for (Client& client : clients_) {
    short const events = events_of(client.socket.number());
    if (events & POLLOUT) write_to(client);
    if (events & POLLIN) read_from(client);
    if ((events & (POLLHUP | POLLERR)) && !(events & POLLIN)) client.is_over = true;
  }
  std::erase_if(clients_, [](const Client& client) { return client.is_over; });
  if (listener_ >= 0 && events_of(listener_) != 0) accept_clients();
}

void OrderClients::accept_clients() {
  while (clients_.size() < most_clients) {
    Fd socket{accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!socket.is_open()) return;
    auto const peer = peer_of(socket.number());
    if (!peer) continue;
    if (peer->uid != desk_ && peer->uid != 0) {
      LogLine{"refused"}.add("uid", std::uint64_t{peer->uid}).add("reason", "only queue-desk may give orders").write();
      continue;
    }
    clients_.push_back(Client{next_name_++, std::move(socket), {}, {}});
  }
}

void OrderClients::read_from(Client& client) {
  char room[8192];
  ssize_t const got = read(client.socket.number(), room, sizeof room);
  if (got > 0)
    client.input.append(room, static_cast<std::size_t>(got));
  else if (got == 0 || !would_wait())
    client.is_over = true;
}

void OrderClients::write_to(Client& client) {
  ssize_t const sent = send(client.socket.number(), client.output.data(), client.output.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0)
    client.output.erase(0, static_cast<std::size_t>(sent));
  else if (!would_wait())
    client.is_over = true;
}

bool OrderClients::take_order(Client& client, const std::function<void(Name, const Order&)>& obey) {
  if (client.is_over || client.unanswered >= orders_at_once || client.input.size() < record_head) return false;
  std::string_view const input = client.input;
  auto const length = order_record_length(Wire{input.substr(0, record_head)});
  if (length && input.size() < record_head + *length) return false;
  auto const order = length ? Order::parse(Wire{input.substr(record_head, *length)}) : Result<Order>{length.error()};
  if (!order) {
    LogLine{"refused"}.add("error", order.error().text()).write();
    client.is_over = true;
    return false;
  }
  client.input.erase(0, record_head + *length);
  ++client.unanswered;
  obey(client.name, *order);
  return true;
}

void OrderClients::take(const std::function<bool()>& may_go_on, const std::function<void(Name, const Order&)>& obey) {
  for (Client& client : clients_)
    while (may_go_on() && take_order(client, obey)) {
    }
  std::erase_if(clients_, [](const Client& client) { return client.is_over; });
}

void OrderClients::answer(Name name, const OrderAnswer& answer) {
  auto const client = std::find_if(clients_.begin(), clients_.end(), [name](const Client& one) { return one.name == name; });
  if (client == clients_.end() || client->is_over) return;
  if (answer.kind != OrderAnswer::Kind::line && client->unanswered > 0) --client->unanswered;
  client->output += answer.encoded();
  if (client->output.size() > most_output) client->is_over = true;
  if (!client->is_over) write_to(*client);
}

}  // namespace postern
