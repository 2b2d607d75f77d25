// tls_session - one connection: the request, the handshake, the line of facts, the relay
//
// Runs in a process of its own, which is the asker's and the stranger's alone. It is confined to what it has open before it
// reads a byte of either: no file, no socket to be made, no other process.
#pragma once

#include "auth/tls_context.h"
#include "auth/tls_verify.h"
#include "lib/net/key_protocol.h"
#include "lib/os/fd.h"

namespace postern {

constexpr auto request_time = Milliseconds{10s};
constexpr auto handshake_time = Milliseconds{60s};

struct ServerState {
  SslContextPtr context;
  TlsCertificates certificates;
  TicketKeys tickets;
};
void serve_as_server(Fd asker, ServerState& state);

struct ClientState {
  SslContextPtr context;
};
void serve_as_client(Fd asker, ClientState& state);

// KeyProvider::Sign: asks the tlskeyd that this process is connected to.
KeyAnswer ask_tlskeyd(void*, const KeyRequest& request);

}  // namespace postern
