// tls_context - what is true of every TLS connection here, as server and as client
//
// TLS 1.2 and 1.3; in 1.2 ECDHE with an AEAD cipher only (for the widest audience CBC too); no renegotiation, no compression,
// no tickets of TLS 1.2, no early data.
#pragma once

#include <string>

#include "auth/openssl_types.h"
#include "auth/tls_certificates.h"
#include "auth/tls_tickets.h"
#include "lib/net/tls_protocol.h"

namespace postern {

Result<SslContextPtr> make_tls_context(const SSL_METHOD* method);
Status set_widest(SSL* ssl);      // CBC too
TlsFacts common_facts(SSL* ssl);  // of a handshake that is over

Result<SslContextPtr> make_server_context();

// What a server's connection looks at; it must outlive it.
struct ServerSide {
  const TlsCertificates* certificates;
  ServiceTickets tickets;
};
Result<SslPtr> make_server(SSL_CTX* context, const std::string& service, ServerSide& side);
// The name that the client asked for; empty where it asked for none, or for what is no host's name.
std::string asked_name(const SSL* ssl);
// Of the certificate that was shown.
std::string end_point_shown(const SSL* ssl, const TlsCertificates& certificates);
TlsFacts server_facts(SSL* ssl, const TlsCertificates& certificates);

// In tls_warm_up.cc: a whole handshake in memory, so that what OpenSSL loads when it first needs it is there before confine(),
// and shared with every child.
Status warm_up(SSL_CTX* server, SSL_CTX* client);

}  // namespace postern
