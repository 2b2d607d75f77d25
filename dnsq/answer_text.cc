#include "dnsq/answer_text.h"

#include <initializer_list>

#include "lib/core/ascii.h"
#include "lib/core/json_text.h"
#include "lib/core/number.h"

namespace postern {
namespace {

constexpr std::string_view digits = "0123456789abcdef";

std::string_view word_of(DnsStatus status) {
  switch (status) {
    case DnsStatus::found:
      return "found";
    case DnsStatus::no_name:
      return "no such name";
    case DnsStatus::no_data:
      return "no such data";
    case DnsStatus::bogus:
      return "bogus";
    case DnsStatus::failed:
      break;
  }
  return "failed";
}

std::string hex_of(std::string_view bytes) {
  std::string text;
  for (char const c : bytes) (text += digits[static_cast<unsigned char>(c) >> 4]) += digits[static_cast<unsigned char>(c) & 0xf];
  return text;
}

bool is_an_answer(const DnsAnswer& answer) { return answer.status != DnsStatus::failed && answer.status != DnsStatus::bogus; }

void add_line(std::string& text, std::initializer_list<std::string_view> pieces) {
  text += "  ";
  for (std::string_view const piece : pieces) text += piece;
  text += '\n';
}

void add_records(std::string& text, const DnsAnswer& answer) {
  for (const IpAddress& address : answer.addresses) add_line(text, {address.text()});
  for (const DnsMx& mx : answer.mx) add_line(text, {decimal(mx.preference), " ", mx.host});
  for (const std::string& name : answer.names) add_line(text, {name});
  for (const std::string& bytes : answer.texts) add_line(text, {quoted_text(bytes)});
  for (const DnsTlsa& tlsa : answer.tlsa)
    add_line(text, {decimal(tlsa.usage), " ", decimal(tlsa.selector), " ", decimal(tlsa.matching), " ", hex_of(tlsa.data)});
}

void add_records(JsonText& json, const DnsAnswer& answer) {
  json.key("records").array();
  for (const IpAddress& address : answer.addresses) json.string(address.text());
  for (const DnsMx& mx : answer.mx)
    json.object().key("preference").number(mx.preference).key("host").string(mx.host).end_object();
  for (const std::string& name : answer.names) json.string(name);
  for (const std::string& bytes : answer.texts) json.string(bytes);
  for (const DnsTlsa& tlsa : answer.tlsa)
    json.object()
        .key("usage")
        .number(tlsa.usage)
        .key("selector")
        .number(tlsa.selector)
        .key("matching")
        .number(tlsa.matching)
        .key("data")
        .string(hex_of(tlsa.data))
        .end_object();
  json.end_array();
}

}  // namespace

std::string quoted_text(std::string_view bytes) {
  std::string text{'"'};
  for (char const c : bytes) {
    if ((is_graphic(c) && c != '"' && c != '\\') || c == ' ') {
      text += c;
    } else {
      text += "\\x";
      text += hex_of({&c, 1});
    }
  }
  return text += '"';
}

std::string text_of_answer(const DnsQuestion& question, const DnsAnswer& answer) {
  std::string text = question.name;
  (text += ' ') += dns_type_name(question.type);
  (text += ": ") += word_of(answer.status);
  if (is_an_answer(answer)) {
    text += answer.is_secure ? ", validated" : ", not validated";
    ((text += ", good for ") += decimal(answer.ttl)) += " s";
    if (answer.canonical != question.name) (text += ", by its name ") += answer.canonical;
  }
  if (answer.left_out > 0) ((text += ", without ") += decimal(answer.left_out)) += " that cannot be used";
  if (!answer.why.empty()) (text += ": ") += answer.why;
  text += '\n';
  add_records(text, answer);
  return text;
}

std::string json_of_answer(const DnsQuestion& question, const DnsAnswer& answer) {
  JsonText json;
  json.object().key("name").string(question.name).key("type").string(dns_type_name(question.type));
  json.key("status").string(word_of(answer.status)).key("validated").boolean(answer.is_secure);
  json.key("ttl").number(answer.ttl).key("canonical").string(answer.canonical).key("why").string(answer.why);
  json.key("left_out").number(answer.left_out);
  add_records(json, answer);
  json.end_object();
  return json.text() + '\n';
}

}  // namespace postern
