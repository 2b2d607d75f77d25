#include "lib/net/bounce_protocol.h"

#include "lib/core/netstring.h"
#include "lib/core/number.h"
#include "lib/net/record.h"

namespace postern {
namespace {

constexpr std::uint64_t latest_time = 1ull << 40;

std::string time_text(std::int64_t time) { return decimal(time < 0 ? 0 : static_cast<std::uint64_t>(time)); }

Result<std::int64_t> take_time(std::string_view& rest) {
  return static_cast<std::int64_t>(TRY(parse_number(Wire{TRY(take_netstring(rest))}, latest_time)));
}

}  // namespace

Result<std::size_t> bounce_record_length(Wire head) { return record_body_length(head, bounce_record_most); }

std::string BounceRequest::encoded() const {
  std::string body{"B"};
  append_netstring(body, id.view());
  for (const BouncedRecipient& recipient : recipients) {
    append_netstring(body, decimal(recipient.index));
    append_netstring(body, std::string(1, static_cast<char>(recipient.action)));
    append_netstring(body, time_text(recipient.tried));
    append_netstring(body, time_text(recipient.until));
    append_netstring(body, record_text(recipient.text));
  }
  return with_record_head(body);
}

Result<BounceRequest> BounceRequest::parse(Wire body) {
  std::string_view rest = body.bytes();
  if (rest.empty() || rest.front() != 'B') return permanent("bounce protocol: not a request");
  rest.remove_prefix(1);
  BounceRequest request{TRY(QueueId::parse(Wire{TRY(take_netstring(rest))})), {}};
  while (!rest.empty()) {
    if (request.recipients.size() == bounce_recipients_most) return permanent("bounce protocol: too many recipients");
    auto const index = static_cast<std::uint32_t>(TRY(parse_number(Wire{TRY(take_netstring(rest))}, 0xffffffffu)));
    std::string_view const action = TRY(take_netstring(rest));
    if (action.size() != 1 || std::string_view{"DKYZ"}.find(action) == std::string_view::npos)
      return permanent("bounce protocol: unknown action");
    auto const tried = TRY(take_time(rest));
    auto const until = TRY(take_time(rest));
    request.recipients.push_back(
        {index, static_cast<Action>(action.front()), tried, until, TRY(take_record_text(rest, report_text_most))});
  }
  if (request.recipients.empty()) return permanent("bounce protocol: no recipient");
  return request;
}

std::string BounceAnswer::encoded() const {
  std::string body{static_cast<char>(kind)};
  append_netstring(body, id.view());
  append_netstring(body, record_text(text));
  return with_record_head(body);
}

Result<BounceAnswer> BounceAnswer::parse(Wire body) {
  std::string_view rest = body.bytes();
  if (rest.empty() || std::string_view{"YNT"}.find(rest.front()) == std::string_view::npos)
    return permanent("bounce protocol: not an answer");
  auto const kind = static_cast<Kind>(rest.front());
  rest.remove_prefix(1);
  QueueId const id = TRY(QueueId::parse(Wire{TRY(take_netstring(rest))}));
  BounceAnswer answer{kind, id, TRY(take_record_text(rest, report_text_most))};
  if (!rest.empty()) return permanent("bounce protocol: something behind a record");
  return answer;
}

}  // namespace postern
