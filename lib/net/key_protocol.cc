#include "lib/net/key_protocol.h"

#include <array>

#include "lib/core/ascii.h"
#include "lib/core/netstring.h"
#include "lib/net/record.h"

namespace postern {
namespace {

constexpr std::size_t why_most = 200;

struct Scheme {
  TlsScheme scheme;
  TlsPadding padding;
  const char* digest;
};
constexpr std::array<Scheme, 9> schemes = {{
    {TlsScheme::rsa_pkcs1_sha256, TlsPadding::pkcs1, "SHA256"},
    {TlsScheme::rsa_pkcs1_sha384, TlsPadding::pkcs1, "SHA384"},
    {TlsScheme::rsa_pkcs1_sha512, TlsPadding::pkcs1, "SHA512"},
    {TlsScheme::ecdsa_sha256, TlsPadding::none, "SHA256"},
    {TlsScheme::ecdsa_sha384, TlsPadding::none, "SHA384"},
    {TlsScheme::ecdsa_sha512, TlsPadding::none, "SHA512"},
    {TlsScheme::rsa_pss_rsae_sha256, TlsPadding::pss, "SHA256"},
    {TlsScheme::rsa_pss_rsae_sha384, TlsPadding::pss, "SHA384"},
    {TlsScheme::rsa_pss_rsae_sha512, TlsPadding::pss, "SHA512"},
}};

// RFC 8446 4.4.3: 64 blanks, the context, a zero byte, a hash of the handshake. "client" in its place is a client's.
constexpr std::size_t blanks = 64;
constexpr std::string_view server_context{"TLS 1.3, server CertificateVerify\0", 34};

bool is_certificate_verify(std::string_view data) {
  if (data.find_first_not_of(' ') != blanks) return false;
  data.remove_prefix(blanks);
  if (!data.starts_with(server_context)) return false;
  std::size_t const hash = data.size() - server_context.size();
  return hash == 32 || hash == 48;  // SHA-256, SHA-384: RFC 8446 B.4 has no others
}

// RFC 8422 5.4: client's and server's random, 3 for "named curve", the curve, the point with its length in front.
constexpr std::size_t randoms = 64;
constexpr char named_curve = 3;
constexpr char uncompressed = 4;
struct Curve {
  unsigned number;
  std::size_t point;
  bool has_form;
};
constexpr std::array<Curve, 5> curves = {{{23, 65, true}, {24, 97, true}, {25, 133, true}, {29, 32, false}, {30, 56, false}}};

bool is_server_key_exchange(std::string_view data) {
  if (data.size() < randoms + 5 || data.substr(0, blanks) == std::string(blanks, ' ')) return false;
  data.remove_prefix(randoms);
  auto const byte = [data](std::size_t i) { return static_cast<unsigned char>(data[i]); };
  if (data[0] != named_curve) return false;
  unsigned const number = static_cast<unsigned>(byte(1)) << 8 | byte(2);
  for (const Curve& curve : curves)
    if (curve.number == number)
      return byte(3) == curve.point && data.size() == 4 + curve.point && (!curve.has_form || data[4] == uncompressed);
  return false;
}

bool may_be_signed(TlsScheme scheme, std::string_view data) {
  if (is_server_key_exchange(data)) return true;
  return padding_of(scheme) != TlsPadding::pkcs1 && is_certificate_verify(data);
}

std::string printable(std::string_view text) {
  std::string cleaned{text.substr(0, why_most)};
  for (char& c : cleaned)
    if (c != ' ' && !is_graphic(c)) c = '?';
  return cleaned;
}

}  // namespace

Result<TlsScheme> tls_scheme_of(TlsPadding padding, std::string_view digest) {
  for (const Scheme& known : schemes) {
    std::string_view const name{known.digest};
    bool const is_it = equal_ignoring_case(digest, name) || equal_ignoring_case(digest, "SHA2-" + std::string{name.substr(3)});
    if (is_it && known.padding == padding) return known.scheme;
  }
  return permanent("not a signature scheme of TLS:", digest);
}

TlsPadding padding_of(TlsScheme scheme) {
  for (const Scheme& known : schemes)
    if (known.scheme == scheme) return known.padding;
  return TlsPadding::none;
}

const char* digest_of(TlsScheme scheme) {
  for (const Scheme& known : schemes)
    if (known.scheme == scheme) return known.digest;
  return "SHA256";
}

std::string KeyRequest::encoded() const {
  auto const number = static_cast<std::uint16_t>(scheme);
  std::string body{"K"};
  append_netstring(body, key);
  append_netstring(body, std::string{static_cast<char>(number >> 8), static_cast<char>(number & 0xff)});
  append_netstring(body, data);
  return with_record_head(body);
}

Result<KeyRequest> KeyRequest::parse(Wire body) {
  if (body.size() > key_request_most || body.bytes().substr(0, 1) != "K") return permanent("key request: not one");
  std::string_view rest = body.bytes().substr(1);
  std::string_view const key = TRY(take_netstring(rest));
  std::string_view const number = TRY(take_netstring(rest));
  std::string_view const data = TRY(take_netstring(rest));
  if (!rest.empty()) return permanent("key request: something behind it");
  if (key.size() != key_name_length || number.size() != 2) return permanent("key request: not a key's name or not a scheme");
  unsigned const wanted =
      static_cast<unsigned>(static_cast<unsigned char>(number[0])) << 8 | static_cast<unsigned char>(number[1]);
  for (const Scheme& known : schemes) {
    if (static_cast<unsigned>(known.scheme) != wanted) continue;
    if (!may_be_signed(known.scheme, data)) return permanent("key request: not what a TLS server signs");
    return KeyRequest{std::string{key}, known.scheme, std::string{data}};
  }
  return permanent("key request: unknown signature scheme");
}

std::string KeyAnswer::encoded() const {
  std::string body{signature.empty() ? "N" : "S"};
  append_netstring(body, signature.empty() ? printable(why) : signature);
  return with_record_head(body);
}

Result<KeyAnswer> KeyAnswer::parse(Wire body) {
  char const letter = body.size() == 0 ? '\0' : body.bytes().front();
  if (body.size() > key_answer_most || (letter != 'S' && letter != 'N')) return permanent("tlskeyd's answer: not one");
  std::string_view rest = body.bytes().substr(1);
  std::string_view const text = TRY(take_netstring(rest));
  if (!rest.empty()) return permanent("tlskeyd's answer: something behind it");
  KeyAnswer answer;
  if (letter == 'S') {
    if (text.empty() || text.size() > key_signature_most) return permanent("tlskeyd's answer: not a signature");
    answer.signature = text;
  } else {
    if (text.size() > why_most) return permanent("tlskeyd's answer: a reason that is too long");
    answer.why = printable(text);
  }
  return answer;
}

}  // namespace postern
