// tls_verify - this host as client: which server it goes on with
//
// RFC 9525: names stand in subjectAltName, a "*" is a whole label. DANE as RFC 7671 and RFC 7672 3.1 have it: usages 2 and 3
// only; a record of usage 3 says nothing but the key, so names and dates do not count.
#pragma once

#include <string>

#include "auth/openssl_types.h"
#include "lib/net/tls_protocol.h"

namespace postern {

// `bundle`: a file of authorities' certificates; empty: no chain leads anywhere.
Result<SslContextPtr> make_client_context(const std::string& bundle);
Result<SslPtr> make_client(SSL_CTX* context, const TlsWanted& wanted);
TlsFacts client_facts(SSL* ssl, const TlsWanted& wanted);
// What was wrong with the server's certificate, in OpenSSL's words; empty when nothing was.
std::string verify_trouble(SSL* ssl);

}  // namespace postern
