// order_protocol - what operators have queue-send do, through queue-desk (doc/protocols.md)
//
// Records as elsewhere: four bytes of length of what follows (big-endian, at most 4096), a letter, netstrings. Every order
// is answered by one answer that ends it, in any order, when what was asked lasts; lines may come before it. An order names
// a message by its ID, or says what to pause: "all", "local", "remote", or a domain.
//
//   queue-desk → queue-send   H hold, R release, D remove, X remove from queue/broken, F flush, W why, A flush all,
//                             P pause, U resume, Q pauses:    uid of the operator, ID or what
//   queue-send → queue-desk   Y done, S it was so, L it will be done when its delivery ends, N there is no such thing,
//                             T not done:                     ID or what, text
//                             I one line of several:          ID or what, text, time, uid
#pragma once

#include <cstdint>
#include <string>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/mail/queue_id.h"
#include "lib/net/record.h"

namespace postern {

constexpr std::size_t order_record_most = 4096;
constexpr std::size_t order_what_most = 300;  // bytes
constexpr std::size_t orders_at_once = 100;   // of one connection, not answered yet

enum class OrderVerb : char {
  hold = 'H',
  release = 'R',
  remove = 'D',
  discard = 'X',
  flush = 'F',
  why = 'W',
  flush_all = 'A',
  pause = 'P',
  resume = 'U',
  pauses = 'Q'
};
bool is_about_message(OrderVerb verb);  // then `what` is its ID

struct Order {
  OrderVerb verb;
  std::uint32_t uid;
  std::string what;  // no control characters

  std::string encoded() const;
  static Result<Order> parse(Wire body);
};

struct OrderAnswer {
  enum class Kind : char { done = 'Y', was_so = 'S', later = 'L', unknown = 'N', failed = 'T', line = 'I' };
  Kind kind;
  std::string what;
  std::string text = {};  // cut at report_text_most; control characters become '?'
  std::int64_t time = 0;  // of a line
  std::uint32_t uid = 0;  // of a line

  std::string encoded() const;
  static Result<OrderAnswer> parse(Wire body);
};

// A body's length from its head; an error when it is longer than order_record_most or empty.
Result<std::size_t> order_record_length(Wire head);

}  // namespace postern
