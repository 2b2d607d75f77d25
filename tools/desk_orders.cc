#include "tools/desk_orders.h"

#include <map>

#include "lib/net/record.h"
#include "lib/os/io.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

constexpr auto patience = Milliseconds{60'000};  // for one answer

// What is done and how it is called; what it is called when it was so.
struct Saying {
  DeskVerb verb;
  OrderVerb order;
  std::string_view done, was_so;
};
constexpr Saying sayings[] = {
    {DeskVerb::hold, OrderVerb::hold, "held", "was held"},
    {DeskVerb::release, OrderVerb::release, "released", "not held"},
    {DeskVerb::remove, OrderVerb::remove, "deleted", "deleting"},
    {DeskVerb::flush, OrderVerb::flush, "flushed", "flushed"},
    {DeskVerb::why, OrderVerb::why, "", ""},
    {DeskVerb::pause, OrderVerb::pause, "paused", "was paused"},
    {DeskVerb::resume, OrderVerb::resume, "resumed", "not paused"},
    {DeskVerb::pauses, OrderVerb::pauses, "", ""},
};

const Saying* saying_of(DeskVerb verb) {
  for (const Saying& saying : sayings)
    if (saying.verb == verb) return &saying;
  return nullptr;
}

// What the operator is shown of a message beside its ID.
struct Known {
  std::string sender;
  std::uint64_t bytes, recipients;
};

class Orders {
 public:
  Orders(Fd socket, const Saying& saying, std::uint32_t uid, const Tell& tell)
      : socket_(std::move(socket)), saying_(saying), uid_(uid), tell_(tell) {}

  Status add(const QueuedMessage& message) {
    bool const is_broken = message.entry.place == QueuePlace::broken;
    if (is_broken && saying_.order != OrderVerb::remove) {
      ++problems_;
      return tell_outcome(message.entry.id.text(), "broken", "it lies in queue/broken and can only be deleted", {"", 0, 0});
    }
    Known const known{message.envelope ? message.envelope->sender.text() : std::string{}, message.bytes,
                      message.envelope ? message.envelope->recipients.size() : 0};
    if (saying_.order == OrderVerb::why) TRY(tell_message(message, tell_));
    return add({is_broken ? OrderVerb::discard : saying_.order, uid_, message.entry.id.text()}, known);
  }

  Status miss(const QueueId& id) {
    ++problems_;
    return tell_outcome(id.text(), "unknown", "no message in the queue has this ID", {"", 0, 0});
  }

  Status add(const Order& order, const Known& known) {
    known_.insert_or_assign(order.what, known);
    text_ += order.encoded();
    // One question at a time: the lines of its answer follow its message.
    return known_.size() < (saying_.order == OrderVerb::why ? 1 : orders_at_once) ? Status{Done{}} : exchange();
  }

  Status end() {
    TRY(exchange());
    return tell_(end_answer(done_, problems_));
  }

 private:
  Status exchange() {
    if (known_.empty()) return Done{};
    TRY(write_all(socket_.number(), text_, Deadline::in(patience)));
    text_.clear();
    while (!known_.empty()) TRY(hear(TRY(next())));
    return Done{};
  }

  Result<OrderAnswer> next() {
    char head[record_head];
    TRY(read_exactly(socket_.number(), head, Deadline::in(patience)));
    std::string body(TRY(order_record_length(Wire{std::string_view{head, sizeof head}})), '\0');
    TRY(read_exactly(socket_.number(), body, Deadline::in(patience)));
    return OrderAnswer::parse(Wire{body});
  }

  Status hear(const OrderAnswer& answer) {
    if (answer.kind == OrderAnswer::Kind::line) {
      if (saying_.order == OrderVerb::why) return tell_({DeskAnswer::Kind::finding, {answer.what, answer.text}, {}});
      return tell_({DeskAnswer::Kind::pause, {answer.what}, {static_cast<std::uint64_t>(answer.time), answer.uid}});
    }
    auto const found = known_.find(answer.what);
    Known const known = found == known_.end() ? Known{"", 0, 0} : found->second;
    // A pause is answered by its full name, which may differ from what was asked.
    found == known_.end() ? known_.clear() : static_cast<void>(known_.erase(found));
    return tell_end(answer, known);
  }

  Status tell_end(const OrderAnswer& answer, const Known& known) {
    using Kind = OrderAnswer::Kind;
    if (answer.kind == Kind::unknown || answer.kind == Kind::failed) {
      ++problems_;
      bool const is_gone = answer.kind == Kind::unknown;
      return tell_outcome(answer.what, is_gone ? "gone" : "failed",
                          is_gone && answer.text.empty() ? "it was done meanwhile" : answer.text, known);
    }
    ++done_;
    if (saying_.done.empty()) return Done{};
    if (answer.kind == Kind::later)
      return tell_outcome(answer.what, "deleting", "a delivery of it is under way; it goes when that ends", known);
    return tell_outcome(answer.what, answer.kind == Kind::was_so ? saying_.was_so : saying_.done, answer.text, known);
  }

  Status tell_outcome(const std::string& what, std::string_view word, std::string_view text, const Known& known) {
    return tell_(
        {DeskAnswer::Kind::outcome, {what, std::string{word}, known.sender, std::string{text}}, {known.bytes, known.recipients}});
  }

  Fd socket_;
  const Saying& saying_;
  std::uint32_t uid_;
  const Tell& tell_;
  std::string text_;                    // orders that were not sent
  std::map<std::string, Known> known_;  // what is not answered
  std::uint64_t done_ = 0, problems_ = 0;
};

bool is_about_pauses(DeskVerb verb) { return verb == DeskVerb::pause || verb == DeskVerb::resume || verb == DeskVerb::pauses; }

}  // namespace

Status answer_by_order(const QueueView& queue, const DeskRequest& request, std::uint32_t uid, const Tell& tell) {
  const Saying* const saying = saying_of(request.verb);
  if (!saying) return permanent("an unknown order");
  auto socket = connect_stream(service_socket("queue-orders"));
  if (!socket) return temporary("queue-send cannot be asked; it may be down:", socket.error().text());
  Orders orders{*std::move(socket), *saying, uid, tell};
  if (is_about_pauses(request.verb)) {
    TRY(orders.add(Order{saying->order, uid, request.word}, {"", 0, 0}));
  } else if (request.verb == DeskVerb::flush && request.selection.is_all) {
    TRY(orders.add(Order{OrderVerb::flush_all, uid, "all"}, {"", 0, 0}));
  } else {
    TRY(for_each_chosen(
        queue, request.selection, [&orders](const QueuedMessage& message) { return orders.add(message); },
        [&orders](const QueueId& id) { return orders.miss(id); }));
  }
  return orders.end();
}

}  // namespace postern
