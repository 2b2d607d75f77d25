// What operators pause and resume: all deliveries, those to mailboxes here or to other hosts, or those for one domain.
#include "lib/os/log.h"
#include "send/queue_sender.h"

namespace postern {
namespace {

using Said = OrderAnswer::Kind;
constexpr const char* changes = "pauses";  // under this name orders wait for state/pauses to be durable

}  // namespace

DeliveryLimits QueueSender::limits_in_force() const {
  DeliveryLimits limits = settings_.limits;
  if (pauses_.pauses().stops_local()) limits.local = 0;
  if (pauses_.pauses().stops_remote()) limits.remote = 0;
  return limits;
}

void QueueSender::apply_pauses() {
  queues_.set_limits(limits_in_force());
  queues_.unpark_all();  // what is still paused is parked again when its turn comes
}

// Jobs for paused domains leave the list, and wait until something is resumed; false: all of them.
bool QueueSender::park_paused(std::vector<Index>& jobs, std::vector<Address>& addresses) {
  Index const message = queues_.table().job(jobs.front()).message;
  std::size_t stay = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (pauses_.pauses().stops_domain(addresses[i].domain().text())) {
      queues_.finished(jobs[i], Verdict::unknown, tick_now());
      queues_.wait(jobs[i], Queues::never);
    } else {
      jobs[stay] = jobs[i];
      addresses[stay++] = addresses[i];
    }
  }
  jobs.resize(stay);
  addresses.erase(addresses.begin() + static_cast<std::ptrdiff_t>(stay), addresses.end());
  settle(message);  // a failure of it may have waited for these
  return stay > 0;
}

void QueueSender::obey_about_pauses(OrderClients::Name client, const Order& order) {
  if (order.verb == OrderVerb::flush_all) {
    flush({});
    return answer(client, order, Said::done);
  }
  if (order.verb == OrderVerb::pauses) {
    for (const auto& [what, pause] : pauses_.pauses().all())
      orders_.answer(client, {Said::line, what, {}, pause.time, pause.uid});
    return answer(client, order, Said::done);
  }
  auto const scope = PauseScope::parse(Wire{order.what});
  if (!scope) return answer(client, order, Said::failed, scope.error().text());
  Pause const pause{std::chrono::duration_cast<Seconds>(wall_now().time_since_epoch()).count(), order.uid};
  auto const changed = order.verb == OrderVerb::pause ? pauses_.add(*scope, pause) : pauses_.end(*scope, pause);
  if (!changed) return answer(client, order, Said::failed, changed.error().text());
  if (*changed) apply_pauses();
  Order const plain{order.verb, order.uid, scope->text()};
  if (!*changed && pauses_.is_synced()) return answer(client, plain, Said::was_so);
  unanswered_.emplace(changes, Unanswered{client, plain});
}

void QueueSender::ask_clean_for_pauses() {
  int const file = pauses_.unsynced();
  if (file < 0 || !is_clean_ready_) return;
  if (clean_.send(CleanRecord{CleanLetter::sync, no_message(), 0}.encoded(), file)) pauses_.sync_started();
}

void QueueSender::pauses_are_durable(std::uint32_t error) {
  if (!pauses_.sync_ended()) return;
  std::string others;
  for (const auto& [what, pause] : pauses_.pauses().all()) (others += others.empty() ? "paused now: " : ", ") += what;
  auto const [first, last] = unanswered_.equal_range(changes);
  for (auto at = first; at != last; ++at) {
    if (error != 0)
      answer(at->second.client, at->second.order, Said::failed, "the disk reported an error: it is so now, and may not last");
    else
      answer(at->second.client, at->second.order, Said::done, others.empty() ? "nothing is paused now" : others);
  }
  unanswered_.erase(first, last);
}

}  // namespace postern
