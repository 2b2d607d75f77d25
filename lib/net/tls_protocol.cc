#include "lib/net/tls_protocol.h"

#include "lib/core/ascii.h"
#include "lib/core/netstring.h"
#include "lib/net/ip.h"
#include "lib/net/record.h"

namespace postern {
namespace {

constexpr std::size_t service_most = 16;
constexpr std::size_t names_most = 8;
constexpr std::size_t tlsa_data_most = 4096;
constexpr std::size_t tlsa_head = 3;  // usage, selector, matching
constexpr std::size_t word_most = 64;
constexpr std::size_t why_most = 200;
constexpr std::size_t exporter_length = 32;  // RFC 9266 4.2
constexpr std::size_t end_point_most = 64;   // SHA-512
constexpr std::string_view ok = "ok ", no = "no ", own = "own ";

bool is_service(std::string_view text) {
  if (text.empty() || text.size() > service_most) return false;
  for (char const c : text)
    if (!is_lower(c) && !is_digit(c)) return false;
  return true;
}

bool is_empty_or_host(std::string_view text) { return text.empty() || is_dns_host_name(text); }

bool is_word(std::string_view text) {
  if (text.empty() || text.size() > word_most) return false;
  for (char const c : text)
    if (!is_graphic(c)) return false;
  return true;
}

bool is_printable(std::string_view text) {
  for (char const c : text)
    if (c != ' ' && !is_graphic(c)) return false;
  return true;
}

std::string printable(std::string_view text) {
  std::string cleaned{text.substr(0, why_most)};
  for (char& c : cleaned)
    if (c != ' ' && !is_graphic(c)) c = '?';
  return cleaned;
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (char const c : bytes) (text += digits[static_cast<unsigned char>(c) >> 4]) += digits[static_cast<unsigned char>(c) & 0xf];
  return text;
}

Result<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return permanent("tlsd's answer: half a byte");
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    if (!is_hex_digit(text[i]) || !is_hex_digit(text[i + 1]) || is_upper(text[i]) || is_upper(text[i + 1]))
      return permanent("tlsd's answer: not hexadecimal");
    bytes += static_cast<char>(hex_value(text[i]) << 4 | hex_value(text[i + 1]));
  }
  return bytes;
}

Result<TlsWanted::Mode> parse_mode(std::string_view letter) {
  if (letter.size() != 1 || std::string_view{"ovd"}.find(letter) == std::string_view::npos)
    return permanent("TLS request: unknown mode");
  return static_cast<TlsWanted::Mode>(letter.front());
}

Result<TlsVerified> parse_verified(std::string_view letter) {
  if (letter.size() != 1 || std::string_view{"-uvd"}.find(letter) == std::string_view::npos)
    return permanent("tlsd's answer: unknown verification");
  return static_cast<TlsVerified>(letter.front());
}

Result<DnsTlsa> parse_tlsa(std::string_view record) {
  if (record.size() <= tlsa_head || record.size() > tlsa_head + tlsa_data_most)
    return permanent("TLS request: not a TLSA record");
  auto const byte = [record](std::size_t i) { return static_cast<std::uint8_t>(record[i]); };
  return DnsTlsa{byte(0), byte(1), byte(2), std::string{record.substr(tlsa_head)}};
}

}  // namespace

std::string TlsService::encoded() const {
  std::string body{"S"};
  append_netstring(body, service);
  append_netstring(body, client);
  return with_record_head(body);
}

Result<TlsService> TlsService::parse(Wire body) {
  if (body.size() > tls_request_most || body.bytes().substr(0, 1) != "S") return permanent("TLS request: not one to a server");
  std::string_view rest = body.bytes().substr(1);
  TlsService service;
  service.service = TRY(take_netstring(rest));
  if (!is_service(service.service)) return permanent("TLS request: not a service");
  std::string_view const client = TRY(take_netstring(rest));
  if (!client.empty()) service.client = TRY(IpAddress::parse(Wire{client})).text();
  if (!rest.empty()) return permanent("TLS request: something behind it");
  return service;
}

std::string TlsWanted::encoded() const {
  std::string body{"C"};
  append_netstring(body, server_name);
  append_netstring(body, std::string{static_cast<char>(mode)});
  std::string list;
  for (const std::string& name : names) append_netstring(list, name);
  append_netstring(body, list);
  for (const DnsTlsa& record : tlsa)
    append_netstring(body, std::string{static_cast<char>(record.usage), static_cast<char>(record.selector),
                                       static_cast<char>(record.matching)} +
                               record.data);
  return with_record_head(body);
}

Result<TlsWanted> TlsWanted::parse(Wire body) {
  if (body.size() > tls_request_most || body.bytes().substr(0, 1) != "C") return permanent("TLS request: not one to a client");
  std::string_view rest = body.bytes().substr(1);
  TlsWanted wanted;
  wanted.server_name = TRY(take_netstring(rest));
  if (!is_empty_or_host(wanted.server_name)) return permanent("TLS request: not a server's name");
  wanted.mode = TRY(parse_mode(TRY(take_netstring(rest))));
  std::string_view names = TRY(take_netstring(rest));
  while (!names.empty()) {
    std::string_view const name = TRY(take_netstring(names));
    if (!is_dns_host_name(name) || wanted.names.size() == names_most) return permanent("TLS request: not a name, or too many");
    wanted.names.emplace_back(name);
  }
  while (!rest.empty()) {
    if (wanted.tlsa.size() == dns_records_most) return permanent("TLS request: too many TLSA records");
    wanted.tlsa.push_back(TRY(parse_tlsa(TRY(take_netstring(rest)))));
  }
  return wanted;
}

std::string TlsFacts::encoded() const {
  std::string line{ok};
  append_netstring(line, protocol);
  append_netstring(line, cipher);
  append_netstring(line, server_name);
  append_netstring(line, std::string{static_cast<char>(verified)});
  append_netstring(line, printable(why));
  append_netstring(line, is_resumed ? "R" : "");
  append_netstring(line, hex(exporter));
  append_netstring(line, hex(end_point));
  return line += '\n';
}

std::string tls_refusal(TlsTrouble whose, std::string_view reason) {
  std::string line{whose == TlsTrouble::peers ? no : own};
  return (line += printable(reason)) += '\n';
}

Result<TlsFacts> TlsFacts::parse(Wire line) {
  std::string_view rest = line.bytes();
  if (rest.size() >= tls_answer_most || !is_printable(rest)) return permanent("tlsd's answer: not a line");
  if (rest.starts_with(no)) return temporary("TLS:", rest.substr(no.size()));
  if (rest.starts_with(own)) return Error{Fate::temporary, "tlsd cannot:", rest.substr(own.size()), ENOKEY};
  if (!rest.starts_with(ok)) return permanent("tlsd's answer: neither facts nor a refusal");
  rest.remove_prefix(ok.size());
  TlsFacts facts;
  facts.protocol = TRY(take_netstring(rest));
  facts.cipher = TRY(take_netstring(rest));
  if (!is_word(facts.protocol) || !is_word(facts.cipher)) return permanent("tlsd's answer: no protocol or no cipher");
  facts.server_name = TRY(take_netstring(rest));
  if (!is_empty_or_host(facts.server_name)) return permanent("tlsd's answer: not a server's name");
  facts.verified = TRY(parse_verified(TRY(take_netstring(rest))));
  facts.why = TRY(take_netstring(rest));
  if (facts.why.size() > why_most) return permanent("tlsd's answer: a reason that is too long");
  std::string_view const resumed = TRY(take_netstring(rest));
  if (!resumed.empty() && resumed != "R") return permanent("tlsd's answer: neither resumed nor not");
  facts.is_resumed = !resumed.empty();
  facts.exporter = TRY(from_hex(TRY(take_netstring(rest))));
  facts.end_point = TRY(from_hex(TRY(take_netstring(rest))));
  if ((!facts.exporter.empty() && facts.exporter.size() != exporter_length) || facts.end_point.size() > end_point_most)
    return permanent("tlsd's answer: not a channel binding");
  if (!rest.empty()) return permanent("tlsd's answer: something behind the facts");
  return facts;
}

}  // namespace postern
