#include "auth/key_provider.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "auth/key_store.h"
#include "auth/tls_context.h"
#include "auth/tls_verify.h"
#include "lib/net/record.h"
#include "tests/scratch.h"

using namespace postern;

namespace {

// tlskeyd's part: what is asked for goes through its protocol, and the signature comes from a key that the provider never had.
struct Signer {
  std::vector<EVP_PKEY*> keys;
  std::vector<TlsScheme> asked;
  bool is_away = false;

  static KeyAnswer sign(void* self, const KeyRequest& request) {
    auto& signer = *static_cast<Signer*>(self);
    if (signer.is_away) return {};
    std::string const record = request.encoded();
    auto const taken = KeyRequest::parse(Wire{std::string_view{record}.substr(record_head)});
    REQUIRE(taken);
    signer.asked.push_back(taken->scheme);
    for (EVP_PKEY* const key : signer.keys)
      if (key_name_of(key) == taken->key) return sign_with(key, taken->scheme, taken->data);
    return {{}, "no such key"};
  }
};

std::string pem_of(EVP_PKEY* key, const char* host) {
  X509Ptr const certificate{X509_new()};
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
  X509_set_pubkey(certificate.get(), key);
  X509_EXTENSION* const names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, (std::string{"DNS:"} + host).c_str());
  X509_add_ext(certificate.get(), names, -1);
  X509_EXTENSION_free(names);
  REQUIRE(X509_sign(certificate.get(), key, EVP_sha256()) > 0);
  BioPtr const out{BIO_new(BIO_s_mem())};
  PEM_write_bio_X509(out.get(), certificate.get());
  char* text = nullptr;
  long const length = BIO_get_mem_data(out.get(), &text);
  return std::string(text, static_cast<std::size_t>(length));
}

bool shake_hands(SSL* server, SSL* client) {
  BIO *server_side = nullptr, *client_side = nullptr;
  REQUIRE(BIO_new_bio_pair(&server_side, 0, &client_side, 0) == 1);
  SSL_set_bio(server, server_side, server_side);
  SSL_set_bio(client, client_side, client_side);
  for (int round = 0; round < 20; ++round) {
    int const one = SSL_do_handshake(client);
    int const other = SSL_do_handshake(server);
    if (one == 1 && other == 1) return true;
  }
  return false;
}

struct Row {
  TlsScheme scheme;
  int version;
  const char* algorithms;
  const char* host;
};

}  // namespace

TEST_CASE("handshakes with keys that are elsewhere: every scheme of both versions") {
  REQUIRE(start_openssl());
  PkeyPtr const rsa{EVP_RSA_gen(2048)}, p256{EVP_EC_gen("P-256")}, p384{EVP_EC_gen("P-384")}, p521{EVP_EC_gen("P-521")};
  Signer signer{{rsa.get(), p256.get(), p384.get(), p521.get()}, {}};
  REQUIRE(KeyProvider::start(&Signer::sign, &signer));
  Scratch const scratch;
  struct {
    const char* host;
    EVP_PKEY* key;
  } const hosts[] = {
      {"rsa.example", rsa.get()}, {"p256.example", p256.get()}, {"p384.example", p384.get()}, {"p521.example", p521.get()}};
  scratch.enter();
  for (auto const& [host, key] : hosts) std::ofstream{std::string{host} + ".pem"} << pem_of(key, host);
  auto const certificates = TlsCertificates::load(*Directory::open("."), "p256.example");
  REQUIRE(certificates);
  REQUIRE(certificates->size() == 4);
  auto const server_context = make_server_context();
  auto const client_context = make_client_context({});
  auto const tickets = TicketKeys::make();
  REQUIRE((server_context && client_context && tickets));

  auto const run = [&](const Row& row) {
    ServerSide side{&*certificates, tickets->of_service("smtp")};
    auto const server = make_server(server_context->get(), "smtp", side);
    TlsWanted wanted;
    wanted.server_name = row.host;
    auto const client = make_client(client_context->get(), wanted);
    REQUIRE((server && client));
    REQUIRE(SSL_set_max_proto_version(client->get(), row.version) == 1);
    REQUIRE(SSL_set1_sigalgs_list(client->get(), row.algorithms) == 1);
    signer.asked.clear();
    bool const is_done = shake_hands(server->get(), client->get());
    if (is_done) {
      TlsFacts const seen = client_facts(client->get(), wanted), shown = server_facts(server->get(), *certificates);
      CHECK(seen.exporter.size() == 32);
      CHECK(seen.exporter == shown.exporter);
      CHECK(shown.end_point.size() == 32);
      CHECK(shown.server_name == row.host);
    }
    ERR_clear_error();
    return is_done;
  };
  for (const Row& row : {Row{TlsScheme::rsa_pss_rsae_sha256, TLS1_3_VERSION, "rsa_pss_rsae_sha256", "rsa.example"},
                         Row{TlsScheme::rsa_pss_rsae_sha384, TLS1_3_VERSION, "rsa_pss_rsae_sha384", "rsa.example"},
                         Row{TlsScheme::rsa_pss_rsae_sha512, TLS1_3_VERSION, "rsa_pss_rsae_sha512", "rsa.example"},
                         Row{TlsScheme::ecdsa_sha256, TLS1_3_VERSION, "ecdsa_secp256r1_sha256", "p256.example"},
                         Row{TlsScheme::ecdsa_sha384, TLS1_3_VERSION, "ecdsa_secp384r1_sha384", "p384.example"},
                         Row{TlsScheme::ecdsa_sha512, TLS1_3_VERSION, "ecdsa_secp521r1_sha512", "p521.example"},
                         Row{TlsScheme::rsa_pkcs1_sha256, TLS1_2_VERSION, "RSA+SHA256", "rsa.example"},
                         Row{TlsScheme::rsa_pkcs1_sha384, TLS1_2_VERSION, "RSA+SHA384", "rsa.example"},
                         Row{TlsScheme::rsa_pkcs1_sha512, TLS1_2_VERSION, "RSA+SHA512", "rsa.example"},
                         Row{TlsScheme::rsa_pss_rsae_sha256, TLS1_2_VERSION, "rsa_pss_rsae_sha256", "rsa.example"},
                         Row{TlsScheme::ecdsa_sha256, TLS1_2_VERSION, "ECDSA+SHA256", "p256.example"},
                         Row{TlsScheme::ecdsa_sha384, TLS1_2_VERSION, "ECDSA+SHA384", "p256.example"}}) {
    INFO(row.algorithms << " for " << row.host);
    CHECK(run(row));
    CHECK(signer.asked == std::vector<TlsScheme>{row.scheme});
  }
  signer.is_away = true;
  CHECK_FALSE(run({TlsScheme::ecdsa_sha256, TLS1_3_VERSION, "ecdsa_secp256r1_sha256", "p256.example"}));
}

TEST_CASE("a key that is elsewhere does nothing but sign for TLS") {
  REQUIRE(start_openssl());
  PkeyPtr const rsa{EVP_RSA_gen(2048)};
  Signer signer{{rsa.get()}, {}};
  REQUIRE(KeyProvider::start(&Signer::sign, &signer));
  auto const key = KeyProvider::key_for(rsa.get());
  REQUIRE(key);
  CHECK(EVP_PKEY_get_bits(key->get()) == 2048);
  CHECK(EVP_PKEY_eq(rsa.get(), key->get()) == 1);
  PkeyPtr const other{EVP_RSA_gen(2048)};
  CHECK(EVP_PKEY_eq(other.get(), key->get()) != 1);
  PkeyContextPtr const decrypts{EVP_PKEY_CTX_new_from_pkey(nullptr, key->get(), nullptr)};
  CHECK(EVP_PKEY_decrypt_init(decrypts.get()) != 1);
  PkeyContextPtr const signs_raw{EVP_PKEY_CTX_new_from_pkey(nullptr, key->get(), nullptr)};
  CHECK(EVP_PKEY_sign_init(signs_raw.get()) != 1);
  OSSL_PARAM* exported = nullptr;
  CHECK(EVP_PKEY_todata(key->get(), EVP_PKEY_KEYPAIR, &exported) != 1);
  PkeyPtr const edwards{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
  CHECK_FALSE(KeyProvider::key_for(edwards.get()));
  CHECK(signer.asked.empty());
  ERR_clear_error();
}

TEST_CASE("tickets are another service's noise") {
  auto const keys = TicketKeys::make();
  REQUIRE(keys);
  ServiceTickets const smtp = keys->of_service("smtp"), again = keys->of_service("smtp"), pop = keys->of_service("pop3");
  CHECK(smtp.current.name == again.current.name);
  CHECK(smtp.current.cipher == again.current.cipher);
  CHECK(smtp.current.name != pop.current.name);
  CHECK(smtp.current.cipher != pop.current.cipher);
  CHECK(smtp.current.mac != pop.current.mac);
  CHECK(smtp.current.name != smtp.previous.name);
}
