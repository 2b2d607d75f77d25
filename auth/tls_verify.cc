#include "auth/tls_verify.h"

#include <openssl/x509v3.h>

#include "auth/tls_context.h"

namespace postern {
namespace {

constexpr const char* no_host = "nobody.invalid";
constexpr std::uint8_t trust_anchor = 2, end_entity = 3;  // RFC 7671 4: DANE-TA, DANE-EE
// "Whatever certificate it has" includes a key of 1024 bits: in the clear there would be none.
constexpr int lowest_level = 0;

Error openssl_error() { return temporary("OpenSSL:", openssl_reason()); }

Status expect_names(SSL* ssl, const TlsWanted& wanted) {
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  for (const std::string& name : wanted.names)
    if (SSL_add1_host(ssl, name.c_str()) != 1) return openssl_error();
  return Done{};
}

Status expect_records(SSL* ssl, const TlsWanted& wanted) {
  const std::string& base = !wanted.names.empty() ? wanted.names.front() : wanted.server_name;
  if (SSL_dane_enable(ssl, base.empty() ? no_host : base.c_str()) != 1) return openssl_error();
  SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  for (std::size_t i = 1; i < wanted.names.size(); ++i)
    if (SSL_add1_host(ssl, wanted.names[i].c_str()) != 1) return openssl_error();
  unsigned usable = 0;
  for (const DnsTlsa& record : wanted.tlsa) {
    // With usage 2 any host that this authority certifies would do, if there were no name.
    if (record.usage != end_entity && (record.usage != trust_anchor || wanted.names.empty())) continue;
    auto const* const data = reinterpret_cast<const unsigned char*>(record.data.data());
    if (SSL_dane_tlsa_add(ssl, record.usage, record.selector, record.matching, data, record.data.size()) > 0) ++usable;
  }
  ERR_clear_error();
  if (usable == 0) return permanent("no TLSA record can be used");
  return Done{};
}

}  // namespace

Result<SslContextPtr> make_client_context(const std::string& bundle) {
  SslContextPtr context = TRY(make_tls_context(TLS_client_method()));
  if (!bundle.empty() && SSL_CTX_load_verify_file(context.get(), bundle.c_str()) != 1) return openssl_error();
  if (SSL_CTX_dane_enable(context.get()) != 1) return openssl_error();
  return context;
}

Result<SslPtr> make_client(SSL_CTX* context, const TlsWanted& wanted) {
  SslPtr ssl{SSL_new(context)};
  if (!ssl) return openssl_error();
  switch (wanted.mode) {
    case TlsWanted::Mode::any:
      // What it has is judged as if it mattered: facts say whether it would have passed.
      X509_VERIFY_PARAM_set_auth_level(SSL_get0_param(ssl.get()), SSL_get_security_level(ssl.get()));
      SSL_set_security_level(ssl.get(), lowest_level);
      TRY(set_widest(ssl.get()));
      TRY(expect_names(ssl.get(), wanted));
      SSL_set_verify(ssl.get(), SSL_VERIFY_NONE, nullptr);
      break;
    case TlsWanted::Mode::name:
      if (wanted.names.empty()) return permanent("no name to look for in the certificate");
      TRY(expect_names(ssl.get(), wanted));
      SSL_set_verify(ssl.get(), SSL_VERIFY_PEER, nullptr);
      break;
    case TlsWanted::Mode::dane:
      TRY(expect_records(ssl.get(), wanted));
      SSL_set_verify(ssl.get(), SSL_VERIFY_PEER, nullptr);
      break;
  }
  std::string name = wanted.server_name;  // SSL_set_tlsext_host_name without its cast
  if (!name.empty() && SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) != 1)
    return openssl_error();
  SSL_set_connect_state(ssl.get());
  return ssl;
}

std::string verify_trouble(SSL* ssl) {
  long const result = SSL_get_verify_result(ssl);
  return result == X509_V_OK ? std::string{} : std::string{X509_verify_cert_error_string(result)};
}

TlsFacts client_facts(SSL* ssl, const TlsWanted& wanted) {
  TlsFacts facts = common_facts(ssl);
  facts.server_name = wanted.server_name;
  facts.why = verify_trouble(ssl);
  if (wanted.mode == TlsWanted::Mode::dane) {
    facts.verified = TlsVerified::dane;
  } else if (facts.why.empty() && !wanted.names.empty()) {
    facts.verified = TlsVerified::name;
  } else {
    facts.verified = TlsVerified::untrusted;
    if (facts.why.empty()) facts.why = "no name to look for in the certificate";
  }
  return facts;
}

}  // namespace postern
