// queues_fixture - Queues with messages made up for a test, and what starts next
#pragma once

#include <string>
#include <vector>

#include "lib/core/base32.h"
#include "send/delivery_queues.h"

namespace postern {

struct QueuesFixture {
  Queues queues;
  std::uint64_t count = 0;
  std::vector<Index> jobs;  // of the last transaction

  explicit QueuesFixture(DeliveryLimits limits) { queues.set_limits(limits); }

  Index new_message() {
    std::string const text = base32(++count, QueueId::length);
    return queues.table().add(*QueueId::parse(Wire{text}));
  }
  Index new_job(Index message, std::uint32_t recipient, Lane lane, const std::string& destination) {
    Index const job = queues.table().add_job(message);
    queues.table().job(job).recipient = recipient;
    queues.assign(job, lane, destination);
    queues.make_ready(job);
    return job;
  }
  // A message of one recipient, ready.
  Index put_one(Lane lane, const std::string& destination) { return new_job(new_message(), 0, lane, destination); }
  // A message of so many recipients of one destination, ready; the message.
  Index put_many(Lane lane, const std::string& destination, std::uint32_t recipients) {
    Index const message = new_message();
    for (std::uint32_t i = 0; i < recipients; ++i) new_job(message, i, lane, destination);
    return message;
  }
  std::string destination_of(Index job) { return queues.name_of(queues.table().job(job).destination); }
  Index message_of(Index job) { return queues.table().job(job).message; }
  // The first job of the next transaction, all of which are in `jobs`; or no_index.
  Index next_one(Lane lane, Tick now) { return queues.next(lane, now, jobs) ? jobs.front() : no_index; }
  void end(Index job, Verdict verdict, Tick now = 0) {
    queues.finished(job, verdict, now);
    Index const message = message_of(job);
    queues.remove(job);
    if (queues.table().message(message).first_job == no_index) queues.table().remove(message);
  }
};

}  // namespace postern
