// smtp_login - AUTH towards a smart host (RFC 4954): PLAIN (RFC 4616), else LOGIN
//
// A password leaves unencrypted only to an address of this host's own loopback network.
#pragma once

#include <optional>
#include <string>

#include "remote/peer_features.h"
#include "remote/smtp_exchange.h"

namespace postern {

struct SmtpLogin {
  std::string user;
  std::string password;
};

enum class Privacy : unsigned char { none, encrypted };

// An error: the exchange's trouble() says why. A wrong password is no message's fault: it defers.
Status log_in(SmtpExchange& exchange, const PeerFeatures& features, const SmtpLogin& login, Privacy privacy,
              Milliseconds patience);

}  // namespace postern
