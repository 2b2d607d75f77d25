#include <openssl/x509v3.h>

#include "auth/tls_context.h"

namespace postern {
namespace {

constexpr long a_day = 86400;
constexpr int most_rounds = 20;

Error openssl_error() { return temporary("OpenSSL:", openssl_reason()); }

// A certificate for nothing, with a key that is forgotten at once.
Result<X509Ptr> make_certificate(EVP_PKEY* key) {
  X509Ptr certificate{X509_new()};
  if (!certificate) return openssl_error();
  X509_NAME* const name = X509_get_subject_name(certificate.get());
  static const unsigned char nobody[] = "nobody.invalid";
  if (X509_set_version(certificate.get(), 2) != 1 || ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1) != 1 ||
      !X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0) ||
      !X509_gmtime_adj(X509_getm_notAfter(certificate.get()), a_day) ||
      X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC, nobody, -1, -1, 0) != 1 ||
      X509_set_issuer_name(certificate.get(), name) != 1 || X509_set_pubkey(certificate.get(), key) != 1 ||
      X509_sign(certificate.get(), key, EVP_sha256()) == 0)
    return openssl_error();
  return certificate;
}

Status shake_hands(SSL_CTX* server, SSL_CTX* client, X509* certificate, EVP_PKEY* key, int version) {
  SslPtr const server_end{SSL_new(server)}, client_end{SSL_new(client)};
  BIO *server_side = nullptr, *client_side = nullptr;
  if (!server_end || !client_end || BIO_new_bio_pair(&server_side, 0, &client_side, 0) != 1) return openssl_error();
  SSL_set_bio(server_end.get(), server_side, server_side);
  SSL_set_bio(client_end.get(), client_side, client_side);
  SSL_set_accept_state(server_end.get());
  SSL_set_connect_state(client_end.get());
  SSL_set_verify(client_end.get(), SSL_VERIFY_NONE, nullptr);
  if (SSL_use_cert_and_key(server_end.get(), certificate, key, nullptr, 1) != 1 ||
      SSL_set_max_proto_version(client_end.get(), version) != 1)
    return openssl_error();
  bool is_done = false;
  for (int round = 0; round < most_rounds && !is_done; ++round)
    is_done = (SSL_do_handshake(client_end.get()) == 1) & (SSL_do_handshake(server_end.get()) == 1);
  if (!is_done) return openssl_error();
  return Done{};
}

}  // namespace

Status warm_up(SSL_CTX* server, SSL_CTX* client) {
  PkeyPtr const key{EVP_EC_gen("P-256")};
  if (!key) return openssl_error();
  X509Ptr const certificate = TRY(make_certificate(key.get()));
  for (int const version : {TLS1_2_VERSION, TLS1_3_VERSION})
    TRY(shake_hands(server, client, certificate.get(), key.get(), version));
  ERR_clear_error();
  return Done{};
}

}  // namespace postern
