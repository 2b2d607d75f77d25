#include "lib/net/tcp.h"

#include <fcntl.h>
#include <netinet/tcp.h>

#include "lib/core/number.h"
#include "lib/os/io.h"

namespace postern {
namespace {

Status set_option(int socket, int level, int name) {
  int const on = 1;
  if (setsockopt(socket, level, name, &on, sizeof on) != 0) return system_error("setsockopt");
  return Done{};
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view address, std::string_view port) {
  auto const ip = TRY(IpAddress::parse(Wire{address}));
  auto const number = parse_number(Wire{port}, 65535);
  if (!number) return permanent("port: not a number up to 65535:", port);
  return Endpoint{ip, static_cast<std::uint16_t>(*number)};
}

Result<Fd> listen_on(const Endpoint& endpoint) {
  std::string const name = endpoint.address.text();
  Fd fd{socket(endpoint.address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!fd.is_open()) return system_error("socket for", name);
  TRY(set_option(fd.number(), SOL_SOCKET, SO_REUSEADDR));
  if (!endpoint.address.is_v4()) TRY(set_option(fd.number(), IPPROTO_IPV6, IPV6_V6ONLY));
  sockaddr_storage address{};
  socklen_t const length = endpoint.write_to(address);
  if (bind(fd.number(), reinterpret_cast<const sockaddr*>(&address), length) != 0) return system_error("bind", name);
  if (listen(fd.number(), listen_backlog) != 0) return system_error("listen on", name);
  return fd;
}

Status prepare_listener(int socket) {
  int listens = 0;
  socklen_t length = sizeof listens;
  if (getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) != 0 || listens == 0)
    return permanent("a descriptor is not a listening socket:", decimal(static_cast<std::uint64_t>(socket)));
  TRY(local_endpoint(socket));
  TRY(set_option(socket, IPPROTO_TCP, TCP_NODELAY));
  return set_nonblocking(socket);
}

Result<Connection> accept_connection(int listener) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  Fd socket{accept4(listener, reinterpret_cast<sockaddr*>(&address), &length, SOCK_CLOEXEC)};
  if (!socket.is_open()) return system_error("accept");
  auto const remote = TRY(Endpoint::from(address));
  return Connection{std::move(socket), remote};
}

Result<Endpoint> local_endpoint(int socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0) return system_error("getsockname");
  return Endpoint::from(address);
}

}  // namespace postern
