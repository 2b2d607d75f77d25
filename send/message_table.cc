#include "send/message_table.h"

namespace postern {
namespace {
constexpr std::size_t smallest_table = 1024;
}  // namespace

std::size_t MessageTable::slot_of(const PackedId& id) const {
  std::size_t const mask = slots_.size() - 1;
  std::size_t slot = id.hash() & mask;
  while (slots_[slot] != no_index && messages_[slots_[slot]].id != id) slot = (slot + 1) & mask;
  return slot;
}

void MessageTable::grow() {
  std::vector<Index> const old = std::move(slots_);
  slots_.assign(old.empty() ? smallest_table : old.size() * 2, no_index);
  for (Index const index : old)
    if (index != no_index) slots_[slot_of(messages_[index].id)] = index;
}

Index MessageTable::add(const QueueId& id) {
  if ((count_ + 1) * 2 > slots_.size()) grow();
  Index index = free_message_;
  if (index == no_index) {
    index = static_cast<Index>(messages_.size());
    messages_.emplace_back();
  } else {
    free_message_ = messages_[index].first_job;
    messages_[index] = Message{};
  }
  messages_[index].id = PackedId{id};
  messages_[index].stage = Stage::queued;
  slots_[slot_of(messages_[index].id)] = index;
  ++count_;
  return index;
}

Index MessageTable::find(const QueueId& id) const { return slots_.empty() ? no_index : slots_[slot_of(PackedId{id})]; }

void MessageTable::remove(Index index) {
  std::size_t const mask = slots_.size() - 1;
  std::size_t hole = slot_of(messages_[index].id);
  // Those behind that were pushed along by the one that goes move up, so that no chain of slots is interrupted.
  for (std::size_t slot = (hole + 1) & mask; slots_[slot] != no_index; slot = (slot + 1) & mask) {
    std::size_t const home = messages_[slots_[slot]].id.hash() & mask;
    if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
    slots_[hole] = slots_[slot];
    hole = slot;
  }
  slots_[hole] = no_index;
  messages_[index].stage = Stage::free;
  messages_[index].first_job = free_message_;
  free_message_ = index;
  --count_;
}

Index MessageTable::add_job(Index message) {
  Index index = free_job_;
  if (index == no_index) {
    index = static_cast<Index>(jobs_.size());
    jobs_.emplace_back();
  } else {
    free_job_ = jobs_[index].next;
    jobs_[index] = Job{};
  }
  Job& job = jobs_[index];
  job.message = message;
  job.sibling = messages_[message].first_job;
  job.phase = Phase::waiting;
  messages_[message].first_job = index;
  return index;
}

void MessageTable::remove_job(Index index) {
  Index* link = &messages_[jobs_[index].message].first_job;
  while (*link != index) link = &jobs_[*link].sibling;
  *link = jobs_[index].sibling;
  jobs_[index].phase = Phase::free;
  jobs_[index].next = free_job_;
  free_job_ = index;
}

}  // namespace postern
