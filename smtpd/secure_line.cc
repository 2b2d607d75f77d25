#include "smtpd/secure_line.h"

#include <sys/socket.h>
#include <unistd.h>

namespace postern {

bool SecureDescriptors::has_bytes_waiting() const {
  char first;
  return recv(0, &first, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

Status SecureDescriptors::prepare() {
  tlsd_ = TRY(connect_tlsd());
  return Done{};
}

Result<TlsFacts> SecureDescriptors::secure(std::string_view service, std::string_view client, Deadline deadline) {
  if (!tlsd_) return temporary("tlsd was not connected to");
  Fd tlsd = std::move(*tlsd_);
  tlsd_.reset();
  auto connection = tls_accept(std::move(tlsd), 0, TlsService{std::string{service}, std::string{client}}, deadline);
  if (!connection) {
    close(0);  // both of them: nothing more is said on a connection that is half a secret
    close(1);
    return connection.error();
  }
  int const plaintext = connection->plaintext.number();
  if (dup2(plaintext, 0) < 0 || dup2(plaintext, 1) < 0) return system_error("put the plaintext on descriptors 0 and 1");
  return std::move(connection->facts);
}

}  // namespace postern
