// tls_client - hands a connection to tlsd and gets its plaintext
//
// An error is temporary; where number() is 0, tlsd says why the handshake failed (where() holds its words: the peer's doing);
// else tlsd itself is not there or broke off (this host's doing). Nothing of the plaintext is read before the line of facts
// has come, and nothing behind it: that is the caller's. The caller closes its copies of the network's socket at once.
#pragma once

#include "lib/core/clock.h"
#include "lib/net/tls_protocol.h"
#include "lib/os/fd.h"

namespace postern {

struct TlsConnection {
  Fd plaintext;
  TlsFacts facts;
};

Result<Fd> connect_tlsd();  // to run/tlsd/s: for a server
Result<Fd> connect_tlsc();  // to run/tlsc/s: for a client

Result<TlsConnection> tls_accept(Fd tlsd, int network, const TlsService& service, Deadline deadline);
Result<TlsConnection> tls_connect(Fd tlsc, int network, const TlsWanted& wanted, Deadline deadline);

}  // namespace postern
