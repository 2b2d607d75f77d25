#include "tools/client_counts.h"

namespace postern {

std::size_t ClientCounts::open_of(const IpAddress& remote) const {
  auto const at = clients_.find(remote.network());
  return at == clients_.end() ? 0 : at->second;
}

bool ClientCounts::has_too_many(const IpAddress& remote) const { return open_of(remote) >= most_per_client_; }

void ClientCounts::opened(pid_t pid, const IpAddress& remote, Milliseconds now) {
  connections_.insert_or_assign(pid, OpenConnection{remote, now});
  ++clients_[remote.network()];
}

std::optional<OpenConnection> ClientCounts::closed(pid_t pid) {
  auto const at = connections_.find(pid);
  if (at == connections_.end()) return std::nullopt;
  OpenConnection const connection = at->second;
  connections_.erase(at);
  auto const client = clients_.find(connection.remote.network());
  if (--client->second == 0) clients_.erase(client);
  return connection;
}

}  // namespace postern
