// Tests of auth/tls_relay: a peer that never stops talking, and says what a socket cannot be made to say without end.
#include "auth/tls_relay.h"

#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <string>

#include "auth/tls_context.h"
#include "auth/tls_verify.h"
#include "lib/os/socket.h"

using namespace postern;

namespace {

X509Ptr certificate_of(EVP_PKEY* key) {
  X509Ptr certificate{X509_new()};
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
  X509_set_pubkey(certificate.get(), key);
  REQUIRE(X509_sign(certificate.get(), key, EVP_sha256()) > 0);
  return certificate;
}

// The client whose words never end: whenever its bytes are all read, it says more. After a while it ends all the same, so that a
// relay that does not is seen.
struct Talker {
  SSL* client;
  bool has_data;
  BIO* said = BIO_new(BIO_s_mem());
  Deadline end = Deadline::in(10s);

  void say_more() {
    static const std::string data(16384, 'x');
    if (has_data) {
      SSL_write(client, data.data(), static_cast<int>(data.size()));
    } else {
      SSL_key_update(client, SSL_KEY_UPDATE_NOT_REQUESTED);
      SSL_do_handshake(client);
    }
  }
  static int read(BIO* bio, char* room, int size) {
    auto& talker = *static_cast<Talker*>(BIO_get_data(bio));
    if (talker.end.has_passed()) return 0;
    if (BIO_pending(talker.said) == 0) talker.say_more();
    return BIO_read(talker.said, room, size);
  }
  static long control(BIO*, int, long, void*) { return 0; }
};

RelayEnd relay_of_talker(bool has_data) {
  REQUIRE(start_openssl());
  PkeyPtr const key{EVP_EC_gen("P-256")};
  X509Ptr const certificate = certificate_of(key.get());
  auto const server_context = make_server_context();
  auto const client_context = make_client_context({});
  REQUIRE((server_context && client_context));
  SslPtr const server{SSL_new(server_context->get())};
  REQUIRE(SSL_use_cert_and_key(server.get(), certificate.get(), key.get(), nullptr, 1) == 1);
  SSL_set_accept_state(server.get());
  auto const client = make_client(client_context->get(), TlsWanted{});
  REQUIRE(client);
  BIO *server_side = nullptr, *client_side = nullptr;
  REQUIRE(BIO_new_bio_pair(&server_side, 0, &client_side, 0) == 1);
  SSL_set_bio(server.get(), server_side, server_side);
  SSL_set_bio(client->get(), client_side, client_side);
  bool is_done = false;
  for (int round = 0; round < 20 && !is_done; ++round)
    is_done = (SSL_do_handshake(client->get()) == 1) & (SSL_do_handshake(server.get()) == 1);
  REQUIRE(is_done);

  Talker talker{client->get(), has_data};
  BIO_METHOD* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "talker");
  BIO_meth_set_read(method, &Talker::read);
  BIO_meth_set_ctrl(method, &Talker::control);
  BIO* const ear = BIO_new(method);
  BIO_set_data(ear, &talker);
  BIO_set_init(ear, 1);
  SSL_set0_rbio(server.get(), ear);
  SSL_set0_wbio(server.get(), BIO_new(BIO_s_null()));
  SSL_set0_wbio(client->get(), talker.said);

  auto network = stream_pair(), plaintext = stream_pair();
  REQUIRE((network && plaintext));
  plaintext->second.close();  // the asker is gone
  RelayEnd const end = relay(server.get(), network->first.number(), plaintext->first.number(), 200ms);
  SSL_set0_rbio(server.get(), BIO_new(BIO_s_null()));
  BIO_meth_free(method);
  return end;
}

}  // namespace

TEST_CASE("whoever never stops sending does not outlive the grace of a relay whose asker is gone") {
  RelayEnd const end = relay_of_talker(true);
  CHECK(end.how == "timeout");
}

TEST_CASE("a flood of key updates does not outlive it either") {
  RelayEnd const end = relay_of_talker(false);
  CHECK(end.how == "timeout");
  CHECK(end.from_network == 0);
}
