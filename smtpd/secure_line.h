// secure_line - how a session's connection becomes a private one: tlsd gets the network's socket, we its plaintext
#pragma once

#include <optional>
#include <string_view>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/net/tls_client.h"

namespace postern {

class SecureLine {
 public:
  virtual ~SecureLine() = default;
  virtual bool has_bytes_waiting() const = 0;  // that the client sent and nobody read
  virtual Status prepare() = 0;                // is tlsd there? An error: it cannot be had now
  // After prepare(). The descriptors carry plaintext from here on; after an error they carry nothing.
  virtual Result<TlsFacts> secure(std::string_view service, std::string_view client, Deadline deadline) = 0;
};

// The real one: descriptors 0 and 1 are the network's socket, and afterwards tlsd's. No copy of the former stays.
class SecureDescriptors final : public SecureLine {
 public:
  bool has_bytes_waiting() const override;
  Status prepare() override;
  Result<TlsFacts> secure(std::string_view service, std::string_view client, Deadline deadline) override;

 private:
  std::optional<Fd> tlsd_;
};

}  // namespace postern
