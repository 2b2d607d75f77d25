#include "auth/count_table.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace postern {
namespace {

constexpr Seconds silent_for_long = 25h;  // then all its counts are 0
constexpr std::uint64_t most_of_a_part = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t share_of_a_rank = 16;

}  // namespace

template <std::size_t parts, std::uint32_t seconds>
void SlidingCount<parts, seconds>::roll(Seconds now) {
  std::uint64_t const current = static_cast<std::uint64_t>(now.count()) / seconds;
  if (current <= last_) return;
  std::uint64_t const steps = std::min<std::uint64_t>(current - last_, room);
  for (std::uint64_t step = 0; step < steps; ++step) parts_[(current - step) % room] = 0;
  last_ = current;
}

template <std::size_t parts, std::uint32_t seconds>
void SlidingCount<parts, seconds>::add(Seconds now, std::uint64_t amount) {
  roll(now);
  std::uint32_t& part = parts_[last_ % room];
  part = static_cast<std::uint32_t>(std::min(most_of_a_part, part + amount));
}

template <std::size_t parts, std::uint32_t seconds>
void SlidingCount<parts, seconds>::take_back(Seconds now, std::uint64_t amount) {
  roll(now);
  for (std::size_t age = 0; age < room && amount != 0; ++age) {
    std::uint32_t& part = parts_[(last_ + room - age) % room];
    std::uint64_t const taken = std::min<std::uint64_t>(part, amount);
    part = static_cast<std::uint32_t>(part - taken);
    amount -= taken;
  }
}

Counted CountTable::counts_of(Entry& entry, Seconds now) {
  return Counted{true, false, entry.minute.at(now), entry.hour.at(now), entry.day.at(now)};
}

Counted CountTable::take(Entry& entry, const CountRequest& request, Seconds now) {
  Counted counted = counts_of(entry, now);
  struct Window {
    std::uint64_t count, limit;
  };
  Window const windows[] = {
      {counted.minute, request.limits.minute}, {counted.hour, request.limits.hour}, {counted.day, request.limits.day}};
  unsigned passed = 0;
  for (unsigned i = 0; i < std::size(windows); ++i) {
    auto const& [count, limit] = windows[i];
    if (limit != 0 && count + request.amount > limit) passed |= 1u << i;
    if (limit == 0 || count <= limit / 2) entry.refused &= ~(1u << i);
  }
  if (passed != 0) {
    counted.is_within = false;
    counted.is_first_refusal = (passed & ~entry.refused) != 0;
    entry.refused |= passed;
    return counted;
  }
  entry.minute.add(now, request.amount);
  entry.hour.add(now, request.amount);
  entry.day.add(now, request.amount);
  return counts_of(entry, now);
}

Counted CountTable::answer(const CountRequest& request, Seconds now) {
  if (request.kind == CountRequest::Kind::take) {
    Entry& entry = entry_of(request.key, now);
    Counted const counted = take(entry, request, now);
    touch(entry, now);
    return counted;
  }
  auto const found = entries_.find(request.key);
  if (found == entries_.end()) return Counted{};
  Entry& entry = found->second;
  if (request.kind == CountRequest::Kind::give_back) {
    entry.minute.take_back(now, request.amount);
    entry.hour.take_back(now, request.amount);
    entry.day.take_back(now, request.amount);
    touch(entry, now);
  }
  return counts_of(entry, now);
}

CountTable::Entry& CountTable::entry_of(std::string_view key, Seconds now) {
  auto const found = entries_.find(key);
  if (found != entries_.end()) return found->second;
  if (entries_.size() >= most_) make_room(now);
  auto const entry = entries_.emplace(key, Entry{}).first;
  Order& order = orders_.front();
  entry->second.place = order.insert(order.end(), entry);
  return entry->second;
}

void CountTable::touch(Entry& entry, Seconds now) {
  std::size_t const rank = std::min<std::size_t>(std::bit_width(entry.day.at(now) / 2), ranks - 1);
  orders_[rank].splice(orders_[rank].end(), orders_[entry.rank], entry.place);
  entry.rank = rank;
  entry.touched = now;
}

// Eight ranks of which none but the full ones may be emptied: one of them has more than its sixteenth.
void CountTable::make_room(Seconds now) {
  for (Order& order : orders_)
    if (!order.empty() && now - order.front()->second.touched > silent_for_long) return forget(order.front());
  for (Order& order : orders_)
    if (order.size() > most_ / share_of_a_rank) return forget(order.front());
}

void CountTable::forget(Entries::iterator entry) {
  orders_[entry->second.rank].erase(entry->second.place);
  entries_.erase(entry);
}

}  // namespace postern
