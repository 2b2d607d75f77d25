// remote_settings - what the operator says of deliveries to other hosts, as it was when this remote started
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lib/mail/destination.h"
#include "lib/net/ip.h"
#include "lib/os/control.h"
#include "remote/mail_hosts.h"
#include "remote/smtp_client.h"
#include "remote/tls_policy.h"

namespace postern {

struct RemoteSettings {
  std::string helo;  // a host name in A-labels, or an address literal
  OwnHost own;
  std::uint16_t port;         // of MX hosts
  Milliseconds connect_time;  // for one address
  SmtpTimes times;
  TlsPolicies tls;
  std::optional<IpAddress> source_v4, source_v6;  // to connect from

  static Result<RemoteSettings> read(const Control& control);
};

}  // namespace postern
