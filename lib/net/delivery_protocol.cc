#include "lib/net/delivery_protocol.h"

#include "lib/core/ascii.h"
#include "lib/core/netstring.h"
#include "lib/core/number.h"

namespace postern {
namespace {

std::string with_head(std::string_view body) {
  std::string record;
  for (int shift = 24; shift >= 0; shift -= 8) record += static_cast<char>(body.size() >> shift & 0xff);
  return record += body;
}

void append_key(std::string& body, const DeliveryKey& key) {
  append_netstring(body, key.id.view());
  append_netstring(body, decimal(key.recipient));
}

Result<DeliveryKey> take_key(std::string_view& rest) {
  QueueId const id = TRY(QueueId::parse(Wire{TRY(take_netstring(rest))}));
  auto const recipient = static_cast<std::uint32_t>(TRY(parse_number(Wire{TRY(take_netstring(rest))}, 0xffffffffu)));
  return DeliveryKey{id, recipient};
}

Result<std::string_view> body_of(Wire body, char letter) {
  std::string_view const bytes = body.bytes();
  if (bytes.empty() || bytes.front() != letter) return permanent("delivery protocol: another record was expected");
  return bytes.substr(1);
}

Result<std::string> take_text(std::string_view& rest) {
  std::string_view const text = TRY(take_netstring(rest));
  for (char const c : text)
    if (c == '\0' || c == '\n') return permanent("delivery protocol: NUL or LF in a field");
  return std::string{text};
}

Status check_end(std::string_view rest) {
  if (!rest.empty()) return permanent("delivery protocol: something behind a record");
  return Done{};
}

}  // namespace

Result<std::size_t> record_length(Wire head) {
  if (head.size() != record_head) return permanent("delivery protocol: not a head");
  std::size_t length = 0;
  for (char const c : head.bytes()) length = length << 8 | static_cast<unsigned char>(c);
  if (length == 0 || length > record_most) return permanent("delivery protocol: record too long");
  return length;
}

std::string LocalRequest::encoded() const {
  std::string body{"L"};
  append_key(body, key);
  append_netstring(body, name);
  append_netstring(body, recipient);
  return with_head(body);
}

Result<LocalRequest> LocalRequest::parse(Wire body) {
  std::string_view rest = TRY(body_of(body, 'L'));
  DeliveryKey const key = TRY(take_key(rest));
  LocalRequest request{key, TRY(take_text(rest)), {}};
  request.recipient = TRY(take_text(rest));
  TRY(check_end(rest));
  return request;
}

std::string LocalOrder::encoded() const {
  std::string body{"O"};
  append_key(body, key);
  append_netstring(body, recipient);
  append_netstring(body, dash);
  append_netstring(body, extension);
  return with_head(body);
}

Result<LocalOrder> LocalOrder::parse(Wire body) {
  std::string_view rest = TRY(body_of(body, 'O'));
  DeliveryKey const key = TRY(take_key(rest));
  LocalOrder order{key, TRY(take_text(rest)), {}, {}};
  order.dash = TRY(take_text(rest));
  order.extension = TRY(take_text(rest));
  TRY(check_end(rest));
  return order;
}

std::string DeliveryReport::encoded() const {
  std::string body{static_cast<char>(outcome)};
  append_key(body, key);
  if (outcome != Outcome::running) {
    std::string clean{std::string_view{text}.substr(0, report_text_most)};
    for (char& c : clean)
      if (is_control(c)) c = '?';
    append_netstring(body, clean);
  }
  return with_head(body);
}

std::string ready_record() { return with_head("A"); }

std::string forget_record(const DeliveryKey& key) {
  std::string body{"F"};
  append_key(body, key);
  return with_head(body);
}

Result<DeliveryKey> parse_forget(Wire body) {
  std::string_view rest = TRY(body_of(body, 'F'));
  DeliveryKey const key = TRY(take_key(rest));
  TRY(check_end(rest));
  return key;
}

Result<DeliveryReport> DeliveryReport::parse(Wire body) {
  std::string_view rest = body.bytes();
  if (rest.empty()) return permanent("delivery protocol: empty record");
  char const letter = rest.front();
  rest.remove_prefix(1);
  if (letter == 'A') {
    TRY(check_end(rest));
    return DeliveryReport{Outcome::ready, {TRY(QueueId::parse(Wire{"0000000000000000000"})), 0}, {}};
  }
  if (letter != 'K' && letter != 'Z' && letter != 'D' && letter != 'R') return permanent("delivery protocol: unknown outcome");
  DeliveryReport report{static_cast<Outcome>(letter), TRY(take_key(rest)), {}};
  if (letter != 'R') report.text = TRY(take_text(rest));
  TRY(check_end(rest));
  if (report.text.size() > report_text_most) return permanent("delivery protocol: text too long");
  return report;
}

}  // namespace postern
