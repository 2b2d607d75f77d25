#include "lib/net/count_client.h"

#include <array>
#include <limits>

#include "lib/core/netstring.h"
#include "lib/core/number.h"
#include "lib/net/record.h"
#include "lib/os/io.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

void append_number(std::string& body, std::uint64_t number) { append_netstring(body, decimal(number)); }

Result<std::uint64_t> take_number(std::string_view& rest, std::uint64_t most) {
  std::string_view const digits = TRY(take_netstring(rest));
  if (digits.size() > 1 && digits.front() == '0') return permanent("count: a number with a zero in front");
  return parse_number(Wire{digits}, most);
}

bool is_ended(const Error& error) { return error.number() == EPIPE || error.number() == ECONNRESET; }

}  // namespace

std::string CountRequest::encoded() const {
  std::string body{static_cast<char>(kind)};
  append_netstring(body, key);
  if (kind != Kind::query) append_number(body, amount);
  if (kind == Kind::take)
    for (std::uint64_t const limit : {limits.minute, limits.hour, limits.day}) append_number(body, limit);
  return with_record_head(body);
}

Result<CountRequest> CountRequest::parse(Wire wire) {
  std::string_view rest = wire.bytes();
  if (rest.empty()) return permanent("count: empty");
  CountRequest request;
  switch (rest.front()) {
    case 'T':
    case 'G':
    case 'Q':
      request.kind = Kind{rest.front()};
      break;
    default:
      return permanent("count: neither T nor G nor Q");
  }
  rest.remove_prefix(1);
  request.key = TRY(take_netstring(rest));
  if (request.key.empty() || request.key.size() > count_key_most) return permanent("count: no key, or one that is too long");
  if (request.kind != Kind::query) request.amount = TRY(take_number(rest, count_most));
  if (request.kind == Kind::take)
    for (std::uint64_t* const limit : {&request.limits.minute, &request.limits.hour, &request.limits.day})
      *limit = TRY(take_number(rest, count_most));
  if (!rest.empty()) return permanent("count: something behind the request");
  return request;
}

std::string Counted::encoded() const {
  std::string body{is_within ? 'Y' : 'N'};
  for (std::uint64_t const count : {minute, hour, day}) append_number(body, count);
  append_netstring(body, is_first_refusal ? "f" : "");
  return with_record_head(body);
}

Result<Counted> Counted::parse(Wire wire) {
  std::string_view rest = wire.bytes();
  if (rest.empty() || (rest.front() != 'Y' && rest.front() != 'N')) return permanent("count: neither Y nor N");
  Counted counted;
  counted.is_within = rest.front() == 'Y';
  rest.remove_prefix(1);
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  for (std::uint64_t* const count : {&counted.minute, &counted.hour, &counted.day}) *count = TRY(take_number(rest, most));
  std::string_view const first = TRY(take_netstring(rest));
  if (!rest.empty() || (first != "f" && !first.empty())) return permanent("count: something else behind the counts");
  counted.is_first_refusal = first == "f";
  if (counted.is_first_refusal && counted.is_within) return permanent("count: a refusal that is none");
  return counted;
}

Result<Counted> CountService::ask_once(const CountRequest& request, Deadline deadline) {
  if (!socket_) socket_ = TRY(connect_stream_at_once(service_socket("countd")));
  TRY(write_all(socket_->number(), request.encoded(), deadline));
  std::array<char, count_record_most> room;
  std::span<char> const head = std::span{room}.first(record_head);
  TRY(read_exactly(socket_->number(), head, deadline));
  std::size_t const length = TRY(record_body_length(Wire{std::string_view{head.data(), head.size()}}, count_record_most));
  std::span<char> const body = std::span{room}.first(length);
  TRY(read_exactly(socket_->number(), body, deadline));
  return Counted::parse(Wire{std::string_view{body.data(), body.size()}});
}

// A connection that countd has ended since the last question says nothing about the one that is there now. After any error a
// late answer must not be taken for the next question's.
Result<Counted> CountService::ask(const CountRequest& request, Deadline deadline) {
  bool const was_connected = socket_.has_value();
  auto counted = ask_once(request, deadline);
  if (!counted) socket_.reset();
  if (!counted && was_connected && is_ended(counted.error())) {
    counted = ask_once(request, deadline);
    if (!counted) socket_.reset();
  }
  if (counted) return counted;
  return Error{Fate::temporary, "ask countd", {}, counted.error().number()};
}

}  // namespace postern
