// What operators order through queue-desk: to hold, release, remove and flush messages, to pause and resume, to say why.
// An order that changes something is answered when the change lasts: its line is in a file that queue-clean has synced.
#include <algorithm>

#include "lib/os/log.h"
#include "send/queue_sender.h"

namespace postern {
namespace {

using Said = OrderAnswer::Kind;

constexpr std::string_view disk_refuses = "it is so now, but the disk does not take it; it is tried again";
constexpr std::size_t most_explained = 100;  // recipients of one message

std::int64_t seconds_now() { return std::chrono::duration_cast<Seconds>(wall_now().time_since_epoch()).count(); }

std::string_view word_of(OrderVerb verb) {
  switch (verb) {
    case OrderVerb::hold:
      return "hold";
    case OrderVerb::release:
      return "release";
    case OrderVerb::remove:
    case OrderVerb::discard:
      return "delete";
    case OrderVerb::flush:
    case OrderVerb::flush_all:
      return "flush";
    case OrderVerb::pause:
      return "pause";
    case OrderVerb::resume:
      return "resume";
    default:
      return "ask";
  }
}

std::string_view word_of(Said kind) {
  switch (kind) {
    case Said::done:
      return "done";
    case Said::was_so:
      return "was so";
    case Said::later:
      return "when its delivery ends";
    case Said::unknown:
      return "no such message";
    default:
      return "failed";
  }
}

bool is_question(OrderVerb verb) { return verb == OrderVerb::why || verb == OrderVerb::pauses; }

}  // namespace

QueueId no_message() { return *QueueId::parse(Wire{"0000000000000000000"}); }

void QueueSender::take_orders() {
  orders_.take([this] { return !states_.is_full(); },
               [this](OrderClients::Name client, const Order& order) { obey(client, order); });
}

// Who ordered what, and what came of it, is for the log as well: nothing is held or removed in silence.
void QueueSender::answer(OrderClients::Name client, const Order& order, Said kind, std::string_view text) {
  if (!is_question(order.verb))
    LogLine{"order"}
        .add("verb", word_of(order.verb))
        .add(is_about_message(order.verb) ? "id" : "what", order.what)
        .add("uid", std::uint64_t{order.uid})
        .add("outcome", word_of(kind))
        .add("text", text)
        .write();
  orders_.answer(client, {kind, order.what, std::string{text}});
}

void QueueSender::obey(OrderClients::Name client, const Order& order) {
  if (!is_about_message(order.verb)) return obey_about_pauses(client, order);
  auto const id = QueueId::parse(Wire{order.what});
  if (order.verb == OrderVerb::discard) {
    bool const is_asked =
        is_clean_ready_ && clean_.has_room() && clean_.send(CleanRecord{CleanLetter::discard, *id, 0}.encoded());
    if (!is_asked) return answer(client, order, Said::failed, "queue-clean is away");
    unanswered_.emplace(order.what, Unanswered{client, order});
    return;
  }
  Index const message = take_up(*id);
  if (message == no_index) {
    auto const status = todo_.status_of(queue_path(*id));
    bool const is_gone = !status && is_missing(status.error());
    return answer(client, order, is_gone ? Said::unknown : Said::failed, is_gone ? "" : "its file cannot be read now");
  }
  if (queues_.table().message(message).stage == Stage::removing)
    return answer(client, order, Said::unknown, "it is being removed");
  obey_about_message(client, order, message);
}

void QueueSender::obey_about_message(OrderClients::Name client, const Order& order, Index message) {
  const Message& known = queues_.table().message(message);
  if (order.verb == OrderVerb::why) return explain(client, order, message);
  if (known.is_deleted) return answer(client, order, Said::was_so, "it is deleted, and goes when its delivery ends");
  switch (order.verb) {
    case OrderVerb::hold:
      return hold(client, order, message);
    case OrderVerb::release:
      return release(client, order, message);
    case OrderVerb::remove:
      return order_removal(client, order, message);
    default:
      if (known.is_held) return answer(client, order, Said::failed, "it is held; release it first");
      queues_.flush(message);
      return answer(client, order, Said::done);
  }
}

// The line stands in the file at once; what it asks for is durable when queue-clean says so, which is asked without delay.
bool QueueSender::mark(const Order& order, Index message, StateWord word) {
  next_sync_ = Deadline::in(Milliseconds{0});
  return keep(message, {word, order.uid, seconds_now(), 0, 0, {}});
}

// It is so already; and it is answered when that lasts.
void QueueSender::answer_was_so(OrderClients::Name client, const Order& order, Index message, std::string_view text) {
  if (states_.is_synced(queues_.table().message(message).id.unpacked())) return answer(client, order, Said::was_so, text);
  next_sync_ = Deadline::in(Milliseconds{0});
  unanswered_.emplace(order.what, Unanswered{client, order});
}

void QueueSender::hold(OrderClients::Name client, const Order& order, Index message) {
  if (queues_.table().message(message).is_held) return answer_was_so(client, order, message, {});
  queues_.hold(message);
  if (mark(order, message, StateWord::held))
    unanswered_.emplace(order.what, Unanswered{client, order});
  else
    answer(client, order, Said::failed, disk_refuses);
  settle(message);  // a failure of it may have waited for what was ready
}

void QueueSender::release(OrderClients::Name client, const Order& order, Index message) {
  if (!queues_.table().message(message).is_held) return answer_was_so(client, order, message, "it was not held");
  if (mark(order, message, StateWord::released))
    unanswered_.emplace(order.what, Unanswered{client, order});
  else
    answer(client, order, Said::failed, disk_refuses);
  queues_.release(message);
}

// From now on nothing of it starts; when that lasts, it goes. On a full disk it goes all the same: that makes room.
void QueueSender::order_removal(OrderClients::Name client, const Order& order, Index message) {
  queues_.hold(message);
  queues_.table().message(message).is_deleted = true;
  bool const is_kept = mark(order, message, StateWord::deleted);
  unanswered_.emplace(order.what, Unanswered{client, order});
  if (!is_kept) withdraw(message);
}

// A deleted message loses all that does not run. Nobody is told of it, not even of what failed before.
void QueueSender::withdraw(Index index) {
  MessageTable& table = queues_.table();
  for (Index job = table.message(index).first_job, next; job != no_index; job = next) {
    next = table.job(job).sibling;
    if (table.job(job).phase == Phase::running) continue;
    if (table.job(job).phase == Phase::ready) queues_.unready(job);
    queues_.remove(job);
  }
  if (table.message(index).stage == Stage::reporting && reporting_ != index) {
    std::erase(to_report_, index);
    table.message(index).stage = Stage::queued;
  }
  settle(index);
}

void QueueSender::state_is_durable(const QueueId& id, std::uint32_t error) {
  auto const [first, last] = unanswered_.equal_range(id.text());
  std::vector<Unanswered> ended;
  for (auto at = first; at != last;) {
    bool is_over = true;
    if (at->second.order.verb == OrderVerb::remove && error == 0) {
      Index const message = queues_.table().find(id);
      if (queues_.table().message(message).stage != Stage::removing) withdraw(message);
      is_over = queues_.table().message(message).stage != Stage::removing;  // else it is answered when it is gone
    }
    if (is_over) ended.push_back(at->second);
    at = is_over ? unanswered_.erase(at) : std::next(at);
  }
  for (const Unanswered& one : ended) {
    if (error != 0)
      answer(one.client, one.order, Said::failed, "the disk reported an error: it is so now, and may not last");
    else
      answer(one.client, one.order, one.order.verb == OrderVerb::remove ? Said::later : Said::done);
  }
}

// Whoever waits for its removal has it, and one that was released may be delivered already; to hold it, it is too late.
void QueueSender::message_is_gone(const QueueId& id, std::string_view how) {
  auto const [first, last] = unanswered_.equal_range(id.text());
  for (auto at = first; at != last; ++at) {
    bool const is_wanted = at->second.order.verb == OrderVerb::remove || at->second.order.verb == OrderVerb::release;
    answer(at->second.client, at->second.order, is_wanted ? Said::done : Said::unknown, is_wanted ? std::string_view{} : how);
  }
  unanswered_.erase(first, last);
}

void QueueSender::discarded(const QueueId& id, std::uint32_t error) {
  auto const [first, last] = unanswered_.equal_range(id.text());
  for (auto at = first; at != last;) {
    if (at->second.order.verb != OrderVerb::discard) {
      ++at;
      continue;
    }
    answer(at->second.client, at->second.order,
           error == 0        ? Said::done
           : error == ENOENT ? Said::unknown
                             : Said::failed,
           error == 0 ? "from queue/broken" : "");
    at = unanswered_.erase(at);
  }
}

void QueueSender::explain(OrderClients::Name client, const Order& order, Index message) {
  const MessageTable& table = queues_.table();
  std::size_t count = 0;
  for (Index job = table.message(message).first_job; job != no_index; job = table.job(job).sibling) {
    if (++count > most_explained) continue;
    orders_.answer(client, {Said::line, order.what, "<" + recipient_of(job) + "> " + why(job)});
  }
  if (table.message(message).stage == Stage::reporting)
    orders_.answer(client, {Said::line, order.what, "a report to its sender is being sent"});
  answer(client, order, Said::done);
}

std::string QueueSender::why(Index index) const {
  const Job& job = queues_.table().job(index);
  if (job.phase == Phase::running) return "is being delivered";
  if (queues_.table().message(job.message).is_deleted) return "is deleted, and goes when a delivery of it ends";
  bool const is_local = queues_.lane_of(job.destination) == Lane::local;
  const Pauses& pauses = pauses_.pauses();
  if (job.phase == Phase::ready && (is_local ? pauses.stops_local() : pauses.stops_remote()))
    return is_local ? "local deliveries are paused" : "deliveries to other hosts are paused";
  const Spawner& spawner = spawners_[is_local ? 0 : 1];
  if (job.phase == Phase::ready && !spawner.is_ready) return spawner.connection.service() + " does not answer";
  std::string const text = queues_.why(index, tick_now());
  return text.empty() ? "is about to be delivered" : text;
}

}  // namespace postern
