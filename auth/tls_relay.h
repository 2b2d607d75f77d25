// tls_relay - the plaintext of a connection, both ways, until it ends
//
// close_notify shuts one direction, on either side. What ends without it was cut: that ends all of it, and is told apart.
// When the plaintext's side has closed, the network gets relay_grace for what is still to be sent and for its own end, however
// much it says.
#pragma once

#include <cstdint>
#include <string_view>

#include "auth/openssl_types.h"
#include "lib/core/clock.h"

namespace postern {

constexpr auto relay_grace = Milliseconds{30s};

struct RelayEnd {
  std::string_view how;                            // "closed", "cut" ...
  std::uint64_t from_network = 0, to_network = 0;  // bytes of plaintext
};

// `ssl` reads and writes `network`, both descriptors do not block; the handshake is over.
RelayEnd relay(SSL* ssl, int network, int plaintext, Milliseconds grace = relay_grace);

}  // namespace postern
