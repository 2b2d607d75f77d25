#include "lib/net/bounce_protocol.h"

#include "lib/core/ascii.h"
#include "lib/core/netstring.h"
#include "lib/core/number.h"
#include "lib/net/delivery_protocol.h"

namespace postern {
namespace {

std::string with_head(std::string_view body) {
  std::string record;
  for (int shift = 24; shift >= 0; shift -= 8) record += static_cast<char>(body.size() >> shift & 0xff);
  return record += body;
}

std::string clean(std::string_view text) {
  std::string cleaned{text.substr(0, report_text_most)};
  for (char& c : cleaned)
    if (is_control(c)) c = '?';
  return cleaned;
}

Result<std::string> take_text(std::string_view& rest) {
  std::string_view const text = TRY(take_netstring(rest));
  if (text.size() > report_text_most) return permanent("bounce protocol: text too long");
  for (char const c : text)
    if (is_control(c)) return permanent("bounce protocol: control character in a text");
  return std::string{text};
}

}  // namespace

Result<std::size_t> bounce_record_length(Wire head) {
  if (head.size() != record_head) return permanent("bounce protocol: not a head");
  std::size_t length = 0;
  for (char const c : head.bytes()) length = length << 8 | static_cast<unsigned char>(c);
  if (length == 0 || length > bounce_record_most) return permanent("bounce protocol: record too long");
  return length;
}

std::string BounceRequest::encoded() const {
  std::string body{"B"};
  append_netstring(body, id.view());
  for (const BouncedRecipient& recipient : recipients) {
    append_netstring(body, decimal(recipient.index));
    append_netstring(body, recipient.has_failed ? "D" : "K");
    append_netstring(body, clean(recipient.text));
  }
  return with_head(body);
}

Result<BounceRequest> BounceRequest::parse(Wire body) {
  std::string_view rest = body.bytes();
  if (rest.empty() || rest.front() != 'B') return permanent("bounce protocol: not a request");
  rest.remove_prefix(1);
  BounceRequest request{TRY(QueueId::parse(Wire{TRY(take_netstring(rest))})), {}};
  while (!rest.empty()) {
    if (request.recipients.size() == bounce_recipients_most) return permanent("bounce protocol: too many recipients");
    auto const index = static_cast<std::uint32_t>(TRY(parse_number(Wire{TRY(take_netstring(rest))}, 0xffffffffu)));
    std::string_view const outcome = TRY(take_netstring(rest));
    if (outcome != "D" && outcome != "K") return permanent("bounce protocol: unknown outcome");
    request.recipients.push_back({index, outcome == "D", TRY(take_text(rest))});
  }
  if (request.recipients.empty()) return permanent("bounce protocol: no recipient");
  return request;
}

std::string BounceAnswer::encoded() const {
  std::string body{static_cast<char>(kind)};
  append_netstring(body, id.view());
  append_netstring(body, clean(text));
  return with_head(body);
}

Result<BounceAnswer> BounceAnswer::parse(Wire body) {
  std::string_view rest = body.bytes();
  if (rest.empty() || std::string_view{"YNT"}.find(rest.front()) == std::string_view::npos)
    return permanent("bounce protocol: not an answer");
  auto const kind = static_cast<Kind>(rest.front());
  rest.remove_prefix(1);
  QueueId const id = TRY(QueueId::parse(Wire{TRY(take_netstring(rest))}));
  BounceAnswer answer{kind, id, TRY(take_text(rest))};
  if (!rest.empty()) return permanent("bounce protocol: something behind a record");
  return answer;
}

}  // namespace postern
