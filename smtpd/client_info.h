// client_info - who is on the line, as the UCSPI variables tell it (PROTO, TCPREMOTEIP ...; for SSL and TCP6 alike)
#pragma once

#include <string>

#include "lib/os/program.h"

namespace postern {

struct ClientInfo {
  std::string address;  // IP address as text; empty: run by hand, nobody knows
  std::string port;
  std::string local_address;

  std::string ip() const;  // the address as IpAddress has it; empty: it is none, or nobody knows
  static ClientInfo from(const Args& args);
};

}  // namespace postern
