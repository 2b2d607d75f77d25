// What the spawners say of deliveries, and which of their deliveries are ours.
#include <algorithm>

#include "lib/os/log.h"
#include "send/queue_sender.h"

namespace postern {

std::uint64_t QueueSender::running_key(Index index) const {
  const Job& job = queues_.table().job(index);
  return std::uint64_t{job.message} << 32 | job.recipient;
}

Index QueueSender::find_job(const DeliveryKey& key) const {
  const MessageTable& table = queues_.table();
  Index const message = table.find(key.id);
  if (message == no_index || table.message(message).stage == Stage::removing) return no_index;
  if (auto const found = running_.find(std::uint64_t{message} << 32 | key.recipient); found != running_.end())
    return found->second.job;
  for (Index job = table.message(message).first_job; job != no_index; job = table.job(job).sibling)
    if (table.job(job).recipient == key.recipient) return job;
  return no_index;
}

void QueueSender::hear_spawner(Spawner& spawner) {
  for (const DeliveryReport& report : spawner.take_reports()) hear_report(spawner, report);
}

void QueueSender::hear_report(Spawner& spawner, const DeliveryReport& report) {
  if (report.outcome == Outcome::ready) return spawner_is_ready(spawner);
  take_up(report.key.id);
  Index const job = find_job(report.key);
  if (job == no_index) {
    if (report.outcome != Outcome::running) forget_unless_removing(spawner, report.key);
    return;
  }
  auto found = running_.find(running_key(job));
  if (found != running_.end() && found->second.lane != spawner.lane)  // each speaks of its own deliveries only
    return LogLine{"spawner"}
        .add("service", spawner.connection.service())
        .add("id", report.key.id.view())
        .add("error", "a report of another's delivery")
        .write();
  inherit(spawner, job);
  if (report.outcome == Outcome::running) return;
  found = running_.find(running_key(job));
  Running const running = std::move(found->second);
  running_.erase(found);
  conclude(job, {report.outcome, report.blame, report.text, running.recipient, running.since});
}

// An outcome that nobody waits for: written down before, or of a message that is gone. While a message is being removed
// its outcome must stay with the spawner, for a queue-send that starts before the removal is done.
void QueueSender::forget_unless_removing(Spawner& spawner, const DeliveryKey& key) {
  Index const message = queues_.table().find(key.id);
  if (message == no_index) {
    auto const status = todo_.status_of(queue_path(key.id));
    if (status || !is_missing(status.error())) return;
  } else if (const Message& known = queues_.table().message(message); known.stage == Stage::removing && !known.is_deleted) {
    return;
  }
  spawner.forget(key);
}

// The spawner delivers this already, or has: it is no longer ready or waiting here.
void QueueSender::inherit(Spawner& spawner, Index index) {
  Job& job = queues_.table().job(index);
  job.is_doubtful = false;
  if (job.phase == Phase::running) return;
  if (job.phase == Phase::ready) queues_.unready(index);
  if (queues_.lane_of(job.destination) != spawner.lane) {  // control/ says otherwise since: asked again for the next try
    std::string const name = queues_.name_of(job.destination);
    queues_.assign(index, spawner.lane, name);
    queues_.table().message(job.message).routes = static_cast<std::uint16_t>(routes_generation_ - 1);
  }
  queues_.make_running(index);
  running_.insert_or_assign(running_key(index), Running{index, spawner.lane, recipient_of(index), monotonic_now()});
}

// What an earlier spawner was running and this one does not know may have been delivered or not: it is tried again,
// soon at first, since most likely only the spawner was to blame.
void QueueSender::spawner_is_ready(Spawner& spawner) {
  spawner.connection.works_well();
  spawner.is_ready = true;
  std::vector<Running> lost;
  for (const auto& [key, running] : running_)
    if (running.lane == spawner.lane && queues_.table().job(running.job).is_doubtful) lost.push_back(running);
  for (const Running& running : lost) {
    running_.erase(running_key(running.job));
    Job& job = queues_.table().job(running.job);
    QueueId const id = queues_.table().message(job.message).id.unpacked();
    LogLine{"lost"}
        .add("id", id.view())
        .add("recipient", running.recipient)
        .add("text", spawner.connection.service() + " ended before it was delivered")
        .write();
    queues_.finished(running.job, Verdict::unknown, tick_now());
    if (Index const message = job.message; queues_.table().message(message).is_deleted) {
      queues_.remove(running.job);
      settle(message);
    } else {
      queues_.wait(running.job, tick_in(std::min(short_wait(job), settings_.schedule.usual().interval(1))));
    }
  }
}

}  // namespace postern
