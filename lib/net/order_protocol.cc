#include "lib/net/order_protocol.h"

#include "lib/core/netstring.h"
#include "lib/core/number.h"
#include "lib/net/record.h"

namespace postern {
namespace {

constexpr std::string_view about_messages = "HRDXFW";
constexpr std::string_view about_others = "APUQ";
constexpr std::string_view answers = "YSLNTI";
constexpr std::uint64_t latest_time = 1ull << 40;

bool is_one_of(std::string_view letters, char letter) { return letters.find(letter) != std::string_view::npos; }

Result<std::uint32_t> take_uid(std::string_view& rest) {
  return static_cast<std::uint32_t>(TRY(parse_number(Wire{TRY(take_netstring(rest))}, 0xffffffffu)));
}

}  // namespace

bool is_about_message(OrderVerb verb) { return is_one_of(about_messages, static_cast<char>(verb)); }

Result<std::size_t> order_record_length(Wire head) { return record_body_length(head, order_record_most); }

std::string Order::encoded() const {
  std::string body{static_cast<char>(verb)};
  append_netstring(body, decimal(uid));
  append_netstring(body, record_text(what));
  return with_record_head(body);
}

Result<Order> Order::parse(Wire body) {
  std::string_view rest = body.bytes();
  if (rest.empty() || !(is_one_of(about_messages, rest.front()) || is_one_of(about_others, rest.front())))
    return permanent("order protocol: an unknown order");
  auto const verb = static_cast<OrderVerb>(rest.front());
  rest.remove_prefix(1);
  std::uint32_t const uid = TRY(take_uid(rest));
  Order order{verb, uid, TRY(take_record_text(rest, order_what_most))};
  if (!rest.empty()) return permanent("order protocol: something behind an order");
  if (is_about_message(verb)) TRY(QueueId::parse(Wire{order.what}));
  return order;
}

std::string OrderAnswer::encoded() const {
  std::string body{static_cast<char>(kind)};
  append_netstring(body, record_text(what));
  append_netstring(body, record_text(text));
  if (kind == Kind::line) {
    append_netstring(body, decimal(time < 0 ? 0 : static_cast<std::uint64_t>(time)));
    append_netstring(body, decimal(uid));
  }
  return with_record_head(body);
}

Result<OrderAnswer> OrderAnswer::parse(Wire body) {
  std::string_view rest = body.bytes();
  if (rest.empty() || !is_one_of(answers, rest.front())) return permanent("order protocol: an unknown answer");
  auto const kind = static_cast<Kind>(rest.front());
  rest.remove_prefix(1);
  std::string what = TRY(take_record_text(rest, order_what_most));
  std::string text = TRY(take_record_text(rest, report_text_most));
  OrderAnswer answer{kind, std::move(what), std::move(text)};
  if (kind == Kind::line) {
    answer.time = static_cast<std::int64_t>(TRY(parse_number(Wire{TRY(take_netstring(rest))}, latest_time)));
    answer.uid = TRY(take_uid(rest));
  }
  if (!rest.empty()) return permanent("order protocol: something behind an answer");
  return answer;
}

}  // namespace postern
