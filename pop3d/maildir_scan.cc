#include "pop3d/maildir_scan.h"

#include <algorithm>
#include <compare>

#include "lib/core/ascii.h"
#include "lib/mail/maildir_files.h"

namespace postern {
namespace {

constexpr std::size_t most_reserved = 16u << 20;
constexpr std::size_t usual_entry = 48;  // bytes of a folder that a message takes, or more

std::uint64_t take_number(std::string_view& text) {
  std::uint64_t number = 0;
  std::size_t taken = 0;
  for (; taken < text.size() && taken < 18 && is_digit(text[taken]); ++taken)
    number = number * 10 + static_cast<std::uint64_t>(text[taken] - '0');
  text.remove_prefix(taken);
  return number;
}

struct Arrival {
  std::uint64_t seconds, microseconds;
  auto operator<=>(const Arrival&) const = default;
};

// What a name begins with, as in "1764580000.M4711P"; the microseconds come without leading zeros, so their letters do not
// sort. A name that begins otherwise is as old as can be.
Arrival arrival_in(std::string_view name) {
  Arrival arrival{take_number(name), 0};
  if (name.starts_with(".M")) {
    name.remove_prefix(2);
    arrival.microseconds = take_number(name);
  }
  return arrival;
}

}  // namespace

void MaildirScan::add(std::string_view name, bool is_cur) {
  auto const parts = MaildirName::parse(Wire{name});
  if (!parts || messages_.size() >= most_messages) {
    ++passed_over_;
    return;
  }
  Message message{names_.size(), static_cast<std::uint8_t>(name.size()), static_cast<std::uint8_t>(parts->unique.size()), is_cur};
  message.is_sized = parts->octets.has_value();
  message.octets = parts->octets.value_or(0);
  message.bytes = parts->bytes.value_or(0);
  names_ += name;
  messages_.push_back(message);
}

// Room for what a folder of this size may hold, so that nothing is moved while it grows. What is not used is never touched.
void MaildirScan::reserve(std::uint64_t size) {
  std::size_t const most = size < most_reserved ? size : most_reserved;
  names_.reserve(names_.size() + most);
  messages_.reserve(messages_.size() + most / usual_entry);
}

Status MaildirScan::read_folder(const Directory& folder, bool is_cur) {
  reserve(static_cast<std::uint64_t>(TRY(folder.status()).st_size));
  passed_over_ += TRY(for_each_file(folder, [&](std::string_view name) {
    add(name, is_cur);
    return true;
  }));
  return Done{};
}

Status MaildirScan::read(const Directory& new_folder, const Directory& cur) {
  TRY(read_folder(new_folder, false));
  return read_folder(cur, true);
}

MaildirName MaildirScan::parts_of(const Message& message) const {
  auto parts = MaildirName::parse(Wire{name_of(message)});
  return parts ? *parts : MaildirName{};  // it was one when it was added
}

void MaildirScan::sort_by_unique() {
  std::sort(messages_.begin(), messages_.end(), [this](const Message& a, const Message& b) {
    auto const order = unique_of(a).compare(unique_of(b));
    return order != 0 ? order < 0 : a.is_in_cur != b.is_in_cur ? a.is_in_cur : name_of(a) < name_of(b);
  });
  auto const is_same = [this](const Message& a, const Message& b) { return unique_of(a) == unique_of(b); };
  messages_.erase(std::unique(messages_.begin(), messages_.end(), is_same), messages_.end());
}

void MaildirScan::sort_by_age() {
  std::sort(messages_.begin(), messages_.end(), [this](const Message& a, const Message& b) {
    if (a.uid != b.uid) return b.uid == 0 || (a.uid != 0 && a.uid < b.uid);  // those without a number are the newest
    auto const a_time = arrival_in(name_of(a)), b_time = arrival_in(name_of(b));
    return a_time != b_time ? a_time < b_time : name_of(a) < name_of(b);
  });
}

const Message* MaildirScan::find(std::string_view unique) const {
  auto const at =
      std::lower_bound(messages_.begin(), messages_.end(), unique,
                       [this](const Message& message, std::string_view wanted) { return unique_of(message) < wanted; });
  return at != messages_.end() && unique_of(*at) == unique ? &*at : nullptr;
}

void MaildirScan::take_names_of(const MaildirScan& newer) {
  std::string names;
  for (Message& message : messages_) {
    const Message* const found = newer.find(unique_of(message));
    std::string_view const name = found ? newer.name_of(*found) : name_of(message);
    message.is_missing = !found;
    if (found) message.is_in_cur = found->is_in_cur;
    message.name_at = names.size();
    message.name_length = static_cast<std::uint8_t>(name.size());
    names += name;
  }
  names_ = std::move(names);
}

}  // namespace postern
