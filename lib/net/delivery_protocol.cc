#include "lib/net/delivery_protocol.h"

#include "lib/core/netstring.h"
#include "lib/core/number.h"

namespace postern {
namespace {

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

Status check_end(std::string_view rest) {
  if (!rest.empty()) return permanent("delivery protocol: something behind a record");
  return Done{};
}

}  // namespace

Result<std::size_t> record_length(Wire head) { return record_body_length(head, record_most); }

std::string LocalRequest::encoded() const {
  std::string body{"L"};
  append_key(body, key);
  append_netstring(body, name);
  append_netstring(body, recipient);
  return with_record_head(body);
}

Result<LocalRequest> LocalRequest::parse(Wire body) {
  std::string_view rest = TRY(body_of(body, 'L'));
  DeliveryKey const key = TRY(take_key(rest));
  LocalRequest request{key, TRY(take_record_text(rest, record_most)), {}};
  request.recipient = TRY(take_record_text(rest, record_most));
  TRY(check_end(rest));
  return request;
}

std::string LocalOrder::encoded() const {
  std::string body{"O"};
  append_key(body, key);
  append_netstring(body, recipient);
  append_netstring(body, dash);
  append_netstring(body, extension);
  return with_record_head(body);
}

Result<LocalOrder> LocalOrder::parse(Wire body) {
  std::string_view rest = TRY(body_of(body, 'O'));
  DeliveryKey const key = TRY(take_key(rest));
  LocalOrder order{key, TRY(take_record_text(rest, record_most)), {}, {}};
  order.dash = TRY(take_record_text(rest, record_most));
  order.extension = TRY(take_record_text(rest, record_most));
  TRY(check_end(rest));
  return order;
}

std::string RemoteRequest::encoded() const {
  std::string body{"T"};
  append_netstring(body, id.view());
  append_netstring(body, destination.text());
  for (std::uint32_t const recipient : recipients) append_netstring(body, decimal(recipient));
  return with_record_head(body);
}

Result<RemoteRequest> RemoteRequest::parse(Wire body) {
  std::string_view rest = TRY(body_of(body, 'T'));
  QueueId const id = TRY(QueueId::parse(Wire{TRY(take_netstring(rest))}));
  RemoteRequest request{id, TRY(Destination::parse(Wire{TRY(take_netstring(rest))})), {}};
  while (!rest.empty()) {
    auto const recipient = static_cast<std::uint32_t>(TRY(parse_number(Wire{TRY(take_netstring(rest))}, 0xffffffffu)));
    if (!request.recipients.empty() && recipient <= request.recipients.back())
      return permanent("delivery protocol: recipients out of order");
    if (request.recipients.size() == transaction_recipients_most) return permanent("delivery protocol: too many recipients");
    request.recipients.push_back(recipient);
  }
  if (request.recipients.empty()) return permanent("delivery protocol: no recipient");
  return request;
}

std::string tls_wanted_record() { return with_record_head("C"); }

bool is_tls_wanted(Wire body) { return body.bytes() == "C"; }

std::string tls_answer_record(std::string_view error) {
  std::string body{"C"};
  append_netstring(body, record_text(error));
  return with_record_head(body);
}

Result<std::string> parse_tls_answer(Wire body) {
  std::string_view rest = TRY(body_of(body, 'C'));
  std::string error = TRY(take_record_text(rest, report_text_most));
  TRY(check_end(rest));
  return error;
}

std::string DeliveryReport::encoded() const {
  std::string body{static_cast<char>(outcome)};
  append_key(body, key);
  if (outcome != Outcome::running) append_netstring(body, record_text(text));
  if (outcome == Outcome::deferred) append_netstring(body, std::string_view{blame == Blame::message ? "m" : "d"});
  return with_record_head(body);
}

std::string ready_record() { return with_record_head("A"); }

std::string forget_record(const DeliveryKey& key) {
  std::string body{"F"};
  append_key(body, key);
  return with_record_head(body);
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
  if (std::string_view{"KYPZDR"}.find(letter) == std::string_view::npos) return permanent("delivery protocol: unknown outcome");
  DeliveryReport report{static_cast<Outcome>(letter), TRY(take_key(rest)), {}};
  if (letter != 'R') report.text = TRY(take_record_text(rest, report_text_most));
  if (letter == 'Z') {
    std::string_view const blame = TRY(take_netstring(rest));
    if (blame != "m" && blame != "d") return permanent("delivery protocol: unknown blame");
    report.blame = static_cast<Blame>(blame.front());
  }
  TRY(check_end(rest));
  return report;
}

}  // namespace postern
