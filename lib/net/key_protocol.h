// key_protocol - what tlsd asks tlskeyd, and what tlskeyd answers (doc/protocols.md)
//
// A record: four bytes of length of what follows (big-endian), a letter, netstrings. One question at a time on a connection.
//   tlsd → tlskeyd   K  SHA-256 of the key's SubjectPublicKeyInfo, TLS signature scheme (two bytes), what is to be signed
//   tlskeyd → tlsd   S  the signature        N  why there is none
//
// A KeyRequest that exists asks for a signature that a TLS server makes in a handshake, of TLS 1.3 (CertificateVerify, RFC 8446
// 4.4.3) or of TLS 1.2 with ECDHE (ServerKeyExchange, RFC 8422 5.4), and for nothing else: a process that speaks to
// strangers cannot have a client's signature made, a certificate, a DKIM signature or a token.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

constexpr std::size_t key_request_most = 320;  // bytes of a record behind its head
constexpr std::size_t key_answer_most = 1200;
constexpr std::size_t key_name_length = 32;       // SHA-256
constexpr std::size_t key_signature_most = 1024;  // RSA of 8192 bits

// RFC 8446 4.2.3. Those with PKCS #1 v1.5 padding sign in TLS 1.2 only.
enum class TlsScheme : std::uint16_t {
  rsa_pkcs1_sha256 = 0x0401,
  rsa_pkcs1_sha384 = 0x0501,
  rsa_pkcs1_sha512 = 0x0601,
  ecdsa_sha256 = 0x0403,
  ecdsa_sha384 = 0x0503,
  ecdsa_sha512 = 0x0603,
  rsa_pss_rsae_sha256 = 0x0804,
  rsa_pss_rsae_sha384 = 0x0805,
  rsa_pss_rsae_sha512 = 0x0806,
};
enum class TlsPadding : unsigned char { none, pkcs1, pss };  // none: ECDSA

Result<TlsScheme> tls_scheme_of(TlsPadding padding, std::string_view digest);  // "SHA256", "sha2-256" ...
TlsPadding padding_of(TlsScheme scheme);
const char* digest_of(TlsScheme scheme);  // OpenSSL's name: "SHA256"

struct KeyRequest {
  std::string key;
  TlsScheme scheme;
  std::string data;

  std::string encoded() const;
  static Result<KeyRequest> parse(Wire body);
  friend bool operator==(const KeyRequest&, const KeyRequest&) = default;
};

struct KeyAnswer {
  std::string signature;  // empty: there is none
  std::string why;        // printable ASCII, at most 200 bytes

  std::string encoded() const;
  static Result<KeyAnswer> parse(Wire body);
  friend bool operator==(const KeyAnswer&, const KeyAnswer&) = default;
};

}  // namespace postern
