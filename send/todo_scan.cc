#include "send/todo_scan.h"

#include <algorithm>
#include <functional>

#include "lib/os/log.h"

namespace postern {
namespace {

constexpr std::size_t names_a_step = 32;
constexpr std::size_t unchanged_a_step = 64;
constexpr std::int64_t settled_after = 2'000'000'000;  // ns

std::int64_t nanoseconds_of(const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

}  // namespace

void TodoScan::start() {
  if (is_running()) {
    again_ = true;
    return;
  }
  directory_ = 0;
  is_listed_ = false;
}

void TodoScan::list(unsigned directory) {
  std::string const name = QueueId::directory_name(directory);
  auto const status = todo_.status_of(name);
  if (!status) return LogLine{"scan"}.add("directory", name).add("error", status.error().text()).write();
  std::int64_t const changed = nanoseconds_of(status->st_mtim);
  if (changed == seen_[directory]) return;
  auto const opened = todo_.open_directory(name);
  auto const names = opened ? opened->names() : Result<std::vector<std::string>>{opened.error()};
  if (!names) return LogLine{"scan"}.add("directory", name).add("error", names.error().text()).write();
  std::int64_t const now = wall_now().time_since_epoch().count() * 1000;
  seen_[directory] = changed + settled_after < now ? changed : 0;
  for (const std::string& text : *names)
    if (auto const id = QueueId::parse(Wire{text}); id && id->directory() == name) names_.push_back(*id);
  std::sort(names_.begin(), names_.end(), std::greater<>{});
}

TodoScan::Step TodoScan::step() {
  Step step;
  step.is_first_walk = is_first_;
  for (std::size_t looked = 0; !is_listed_ && looked < unchanged_a_step && is_running(); ++looked) {
    list(directory_);
    if (!names_.empty() || is_first_)
      is_listed_ = true;
    else
      ++directory_;
  }
  while (is_listed_ && !names_.empty() && step.found.size() < names_a_step) {
    step.found.push_back(names_.back());
    names_.pop_back();
  }
  if (is_listed_ && names_.empty()) {
    step.ended = static_cast<int>(directory_);
    is_listed_ = false;
    ++directory_;
  }
  if (!is_running()) {
    is_first_ = false;
    if (std::exchange(again_, false)) start();
  }
  return step;
}

}  // namespace postern
