#include "lib/net/key_protocol.h"

#include <catch2/catch.hpp>

#include "lib/core/netstring.h"
#include "lib/net/record.h"

using namespace postern;

namespace {

std::string verify(std::string_view side, std::size_t hash) {
  return std::string(64, ' ') + "TLS 1.3, " + std::string{side} + " CertificateVerify" + '\0' + std::string(hash, 'h');
}

std::string exchange(unsigned char curve, std::size_t point, char first) {
  return std::string(64, 'r') + std::string{3, 0, static_cast<char>(curve), static_cast<char>(point)} + first +
         std::string(point - 1, 'p');
}

bool is_taken(TlsScheme scheme, const std::string& data) {
  std::string const record = KeyRequest{std::string(32, 'k'), scheme, data}.encoded();
  auto const request = KeyRequest::parse(Wire{std::string_view{record}.substr(record_head)});
  if (request) CHECK(*request == KeyRequest{std::string(32, 'k'), scheme, data});
  return request.has_value();
}

}  // namespace

TEST_CASE("a server's signatures of TLS 1.3 are asked for with every scheme of TLS 1.3") {
  for (TlsScheme const scheme :
       {TlsScheme::ecdsa_sha256, TlsScheme::ecdsa_sha384, TlsScheme::ecdsa_sha512, TlsScheme::rsa_pss_rsae_sha256,
        TlsScheme::rsa_pss_rsae_sha384, TlsScheme::rsa_pss_rsae_sha512}) {
    CHECK(is_taken(scheme, verify("server", 32)));
    CHECK(is_taken(scheme, verify("server", 48)));
  }
  for (TlsScheme const scheme : {TlsScheme::rsa_pkcs1_sha256, TlsScheme::rsa_pkcs1_sha384, TlsScheme::rsa_pkcs1_sha512})
    CHECK_FALSE(is_taken(scheme, verify("server", 32)));
}

TEST_CASE("a server's key exchange of TLS 1.2 is asked for with every scheme") {
  for (TlsScheme const scheme : {TlsScheme::ecdsa_sha256, TlsScheme::rsa_pss_rsae_sha384, TlsScheme::rsa_pkcs1_sha512}) {
    CHECK(is_taken(scheme, exchange(23, 65, 4)));
    CHECK(is_taken(scheme, exchange(24, 97, 4)));
    CHECK(is_taken(scheme, exchange(25, 133, 4)));
    CHECK(is_taken(scheme, exchange(29, 32, 'x')));
    CHECK(is_taken(scheme, exchange(30, 56, 'x')));
  }
}

TEST_CASE("nothing else can be signed") {
  std::string const blanks(64, ' ');
  const std::string bad[] = {
      {},
      std::string(32, 'h'),  // a bare digest
      verify("client", 32),  // a client's
      verify("server", 31),
      verify("server", 33),
      verify("server", 64),
      verify("server", 0),
      ' ' + verify("server", 32),
      verify("server", 32).substr(1),
      exchange(23, 65, 2),  // a compressed point
      exchange(23, 64, 4),
      exchange(29, 33, 4),
      exchange(22, 65, 4),
      exchange(29, 32, 'x') + 'x',
      exchange(29, 32, 'x').substr(1),
      blanks + exchange(29, 32, 'x').substr(64),  // could be taken for the head of TLS 1.3's
      std::string(64, 'r') + std::string("\1\0\x1d\x20", 4) + std::string(32, 'p'),
      "MAIL FROM:<a@b>",
      std::string(300, 'x'),
  };
  for (const std::string& data : bad) CHECK_FALSE(is_taken(TlsScheme::ecdsa_sha256, data));
}

TEST_CASE("requests that are none") {
  std::string const data = verify("server", 32);
  auto const body = [](std::string_view key, std::string_view scheme, std::string_view content) {
    std::string text{"K"};
    append_netstring(text, key);
    append_netstring(text, scheme);
    append_netstring(text, content);
    return text;
  };
  std::string const key(32, 'k');
  REQUIRE(KeyRequest::parse(Wire{std::string_view{body(key, "\x08\x04", data)}}));
  for (const std::string& bad :
       {std::string{}, std::string{"K"}, std::string{"S"}, body(key, "\x08\x04", data) + "0:,", body(key, "\x08", data),
        body(key, "\x08\x07", data), body(key, "\x02\x01", data), body(std::string(31, 'k'), "\x08\x04", data)})
    CHECK_FALSE(KeyRequest::parse(Wire{bad}));
}

TEST_CASE("answers come back the same, or are none") {
  for (const KeyAnswer& answer : {KeyAnswer{std::string(1024, '\0'), ""}, KeyAnswer{"", "no such key"}, KeyAnswer{"", ""}}) {
    std::string const record = answer.encoded();
    CHECK(*KeyAnswer::parse(Wire{std::string_view{record}.substr(record_head)}) == answer);
  }
  for (const std::string& bad : {std::string{}, std::string{"S0:,"}, std::string{"X1:a,"}, std::string{"N1:a,b"},
                                 "S1025:" + std::string(1025, 's') + ",", "N201:" + std::string(201, 'n') + ","})
    CHECK_FALSE(KeyAnswer::parse(Wire{bad}));
}

TEST_CASE("schemes by padding and digest") {
  CHECK(*tls_scheme_of(TlsPadding::pss, "SHA256") == TlsScheme::rsa_pss_rsae_sha256);
  CHECK(*tls_scheme_of(TlsPadding::pkcs1, "SHA2-512") == TlsScheme::rsa_pkcs1_sha512);
  CHECK(*tls_scheme_of(TlsPadding::none, "sha384") == TlsScheme::ecdsa_sha384);
  for (std::string_view const bad : {"", "SHA1", "MD5", "256", "SHA3-256", "SHA224", "MD5-SHA1"})
    CHECK_FALSE(tls_scheme_of(TlsPadding::pss, bad));
}
