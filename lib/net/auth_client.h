// auth_client - asks authd: one connection, one question at a time
#pragma once

#include <optional>

#include "lib/core/clock.h"
#include "lib/net/auth_protocol.h"
#include "lib/os/fd.h"

namespace postern {

// Who answers questions of SaslServer: authd, or a test.
class AuthPort {
 public:
  virtual ~AuthPort() = default;
  // An answer, or that none can be had now. `last` follows a challenge, on the same connection.
  virtual Result<AuthAnswer> ask(const AuthRequest& request, Deadline deadline) = 0;
};

// run/authd/s, connected to with the first question, and again when authd was started anew.
class AuthService final : public AuthPort {
 public:
  Result<AuthAnswer> ask(const AuthRequest& request, Deadline deadline) override;

 private:
  std::optional<Fd> socket_;
};

}  // namespace postern
