#include "auth/tls_context.h"

#include "lib/core/ascii.h"

namespace postern {
namespace {

constexpr const char* aead = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char* aead_and_cbc = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!AESCCM";
constexpr const char* server_groups = "X25519:P-256:P-384:P-521";
constexpr long longest_session = 7200;                                   // seconds; a ticket's key is gone sooner
constexpr std::string_view exporter_label = "EXPORTER-Channel-Binding";  // RFC 9266 4.2
constexpr std::size_t exporter_length = 32;
constexpr std::string_view widest_service = "smtp";  // of strangers' hosts, which else would send in the clear

Error openssl_error() { return temporary("OpenSSL:", openssl_reason()); }

}  // namespace

Result<SslContextPtr> make_tls_context(const SSL_METHOD* method) {
  SslContextPtr context{SSL_CTX_new(method)};
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(context.get(), TLS1_3_VERSION) != 1 || SSL_CTX_set_cipher_list(context.get(), aead) != 1)
    return openssl_error();
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CLEANSE_PLAINTEXT);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  // So that a flood of what is no data, as key updates, does not keep SSL_read from its end.
  SSL_CTX_clear_mode(context.get(), SSL_MODE_AUTO_RETRY);
  return context;
}

Status set_widest(SSL* ssl) {
  if (SSL_set_cipher_list(ssl, aead_and_cbc) != 1) return openssl_error();
  return Done{};
}

namespace {

// Does the client know TLS 1.3 (RFC 8446 4.2.1)? If not, it is not told of tickets.
bool offers_tls13(SSL* ssl) {
  const unsigned char* versions = nullptr;
  std::size_t length = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_versions, &versions, &length) != 1) return false;
  for (std::size_t i = 1; i + 1 < length; i += 2)
    if (versions[i] == 3 && versions[i + 1] == 4) return true;
  return false;
}

int on_hello(SSL* ssl, int*, void*) {
  if (!offers_tls13(ssl)) SSL_set_options(ssl, SSL_OP_NO_TICKET);
  return SSL_CLIENT_HELLO_SUCCESS;
}

int on_certificate(SSL* ssl, void* side) {
  SSL_certs_clear(ssl);
  bool has_one = false;
  for (const TlsCertificate* const certificate : static_cast<const ServerSide*>(side)->certificates->for_name(asked_name(ssl))) {
    STACK_OF(X509)* const chain = sk_X509_new_null();
    for (const X509Ptr& next : certificate->chain) sk_X509_push(chain, next.get());
    has_one |= SSL_use_cert_and_key(ssl, certificate->leaf.get(), certificate->key.get(), chain, 1) == 1;
    sk_X509_free(chain);
  }
  ERR_clear_error();  // OpenSSL first looks whether it has the key itself
  return has_one ? 1 : 0;
}

std::string exporter_of(SSL* ssl) {
  // Without RFC 7627 the keys of TLS 1.2 do not name the connection (RFC 9266 3).
  if (SSL_version(ssl) == TLS1_2_VERSION && SSL_get_extms_support(ssl) != 1) return {};
  unsigned char bytes[exporter_length];
  static const unsigned char no_context[1] = {};
  if (SSL_export_keying_material(ssl, bytes, sizeof bytes, exporter_label.data(), exporter_label.size(), no_context, 0, 1) != 1)
    return {};
  return std::string{digest_bytes(bytes, sizeof bytes)};
}

}  // namespace

TlsFacts common_facts(SSL* ssl) {
  TlsFacts facts;
  facts.protocol = SSL_get_version(ssl);
  facts.cipher = SSL_get_cipher_name(ssl);
  facts.is_resumed = SSL_session_reused(ssl) == 1;
  facts.exporter = exporter_of(ssl);
  return facts;
}

Result<SslContextPtr> make_server_context() {
  SslContextPtr context = TRY(make_tls_context(TLS_server_method()));
  SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_client_hello_cb(context.get(), on_hello, nullptr);
  SSL_CTX_set_timeout(context.get(), longest_session);
  if (SSL_CTX_set1_groups_list(context.get(), server_groups) != 1 || SSL_CTX_set_num_tickets(context.get(), 1) != 1 ||
      SSL_CTX_set_tlsext_ticket_key_evp_cb(context.get(), &ServiceTickets::use) != 1)
    return openssl_error();
  return context;
}

Result<SslPtr> make_server(SSL_CTX* context, const std::string& service, ServerSide& side) {
  SslPtr ssl{SSL_new(context)};
  if (!ssl) return openssl_error();
  auto const* const id = reinterpret_cast<const unsigned char*>(service.data());
  if (SSL_set_session_id_context(ssl.get(), id, static_cast<unsigned>(service.size())) != 1) return openssl_error();
  if (service == widest_service) TRY(set_widest(ssl.get()));
  SSL_set_app_data(ssl.get(), &side.tickets);
  SSL_set_cert_cb(ssl.get(), on_certificate, &side);
  SSL_set_accept_state(ssl.get());
  return ssl;
}

std::string asked_name(const SSL* ssl) {
  const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  std::string text = to_lower(std::string_view{name ? name : ""});
  return is_dns_host_name(text) ? text : std::string{};
}

std::string end_point_shown(const SSL* ssl, const TlsCertificates& certificates) {
  const X509* const shown = SSL_get_certificate(ssl);
  for (const TlsCertificate* const certificate : certificates.for_name(asked_name(ssl)))
    if (shown && X509_cmp(certificate->leaf.get(), shown) == 0) return certificate->end_point;
  return {};
}

TlsFacts server_facts(SSL* ssl, const TlsCertificates& certificates) {
  TlsFacts facts = common_facts(ssl);
  facts.server_name = asked_name(ssl);
  facts.end_point = end_point_shown(ssl, certificates);
  return facts;
}

}  // namespace postern
