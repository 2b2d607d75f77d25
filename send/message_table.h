// message_table - every queued message and its open recipients, as small as they go: a million in 100 MB
//
// Messages and jobs are named by index and stay where they are until freed. A job is one recipient that is neither
// delivered nor failed. Messages are found by ID through a hash of indexes; a message knows the chain of its jobs.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "send/packed_id.h"

namespace postern {

using Index = std::uint32_t;
constexpr Index no_index = 0xffffffffu;

// Tenths of a second on the monotonic clock since the process started: no clock step moves a retry.
using Tick = std::uint32_t;
constexpr Tick ticks_a_second = 10;

enum class Phase : unsigned char { free, waiting, ready, running };

struct Job {
  Index message = no_index;
  Index recipient = 0;           // index in the envelope
  std::uint32_t offset = 0;      // of its record in the envelope
  Index destination = no_index;  // in Queues
  Index next = no_index;         // in the line of what is ready for the destination; while running, its transaction
  Index other_end = no_index;    // in that line, of the run of its message's jobs; only the two ends know each other
  Index sibling = no_index;      // next job of the message
  union {
    Tick due = 0;    // while waiting
    Index previous;  // while ready, in that line
  };
  std::uint16_t tries = 0;
  std::uint8_t losses = 0;  // times that the spawner went away with it, or a host that answers others did
  Phase phase : 3 = Phase::free;
  bool wants_success : 1 = false;  // NOTIFY=SUCCESS
  bool wants_delay : 1 = false;    // NOTIFY=DELAY, and nobody was told yet
  bool is_doubtful : 1 = false;    // running, but the present spawner has not said so
};

enum class Stage : unsigned char { free, queued, reporting, removing };

struct Message {
  PackedId id;
  Index first_job = no_index;     // next free message while free
  std::uint64_t envelope_at = 0;  // where the envelope starts in the file
  std::uint32_t active = 0;       // jobs that are ready or running
  std::uint32_t unreported = 0;   // recipients whose outcome the sender must hear of
  std::uint16_t routes = 0;       // generation of the routes that its jobs were given by
  Stage stage = Stage::free;
  bool is_alone : 1 = false;      // one recipient
  bool has_state : 1 = false;     // state/XX/ID is there
  bool is_held : 1 = false;       // by the operator: nothing of it is started
  bool is_deleted : 1 = false;    // by the operator: held, and removed when nothing of it runs
  bool ended_remote : 1 = false;  // its one recipient was remote-spawn's: that still keeps the outcome
};

class MessageTable {
 public:
  Index add(const QueueId& id);         // not there yet
  Index find(const QueueId& id) const;  // or no_index
  void remove(Index message);           // without jobs
  Index add_job(Index message);
  void remove_job(Index job);

  Message& message(Index index) { return messages_[index]; }
  const Message& message(Index index) const { return messages_[index]; }
  Job& job(Index index) { return jobs_[index]; }
  const Job& job(Index index) const { return jobs_[index]; }
  std::size_t size() const { return count_; }
  Index jobs_end() const { return static_cast<Index>(jobs_.size()); }
  Index messages_end() const { return static_cast<Index>(messages_.size()); }

 private:
  std::size_t slot_of(const PackedId& id) const;  // where it is or belongs
  void grow();

  std::deque<Message> messages_;
  std::deque<Job> jobs_;
  std::vector<Index> slots_;  // a power of two; open addressing, at most half full
  std::size_t count_ = 0;
  Index free_message_ = no_index;
  Index free_job_ = no_index;
};

}  // namespace postern
