#include "tools/log_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <functional>

#include "lib/os/io.h"

namespace postern {
namespace {

constexpr std::size_t piece = 65'536;
constexpr std::size_t stamp_length = 25;
constexpr std::size_t longest_line = 262'144;  // what follows counts as the next line

bool is_same_file(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

}  // namespace

// The present file is opened first: should it be rotated away before the others are listed, it is known by its inode.
Result<ServiceLog> ServiceLog::open(std::string service, Directory directory) {
  ServiceLog log{std::move(service), std::move(directory)};
  auto current = log.directory_.open_file("current");
  if (!current && !is_missing(current.error())) return current.error();
  struct stat present {};
  if (current) {
    if (fstat(current->number(), &present) != 0) return system_error("stat a log");
    log.current_ = *std::move(current);
  }
  for (std::string& name : TRY(log.directory_.names())) {
    if (!name.starts_with('@')) continue;
    auto const status = log.directory_.status_of(name);
    if (status && !is_same_file(*status, present)) log.names_.push_back(std::move(name));
  }
  std::sort(log.names_.begin(), log.names_.end(), std::greater<>{});
  return log;
}

Result<bool> ServiceLog::open_next() {
  buffer_.clear();
  start_ = 0;
  while (!names_.empty()) {
    auto file = directory_.open_file(names_.back());
    names_.pop_back();
    if (!file && !is_missing(file.error())) return file.error();
    if (!file) continue;
    file_ = *std::move(file);
    return true;
  }
  file_ = std::move(current_);
  return file_.is_open();
}

// False: the file is at its end. A last line without LF is still being written.
Result<bool> ServiceLog::take_line() {
  for (;;) {
    std::size_t const end = buffer_.find('\n', start_);
    if (end != std::string::npos || buffer_.size() - start_ > longest_line) {
      std::size_t const length = end == std::string::npos ? longest_line : end - start_;
      line_.assign(buffer_, start_, length);
      start_ += length + (end == std::string::npos ? 0 : 1);
      return true;
    }
    buffer_.erase(0, start_);
    start_ = 0;
    std::size_t const had = buffer_.size();
    buffer_.resize(had + piece);
    std::size_t const got = TRY(read_some(file_.number(), std::span{buffer_}.subspan(had)));
    buffer_.resize(had + got);
    if (got == 0) return false;
  }
}

Result<bool> ServiceLog::next() {
  while (file_.is_open() || TRY(open_next())) {
    if (TRY(take_line())) {
      auto const stamp = LogStamp::parse(Wire{std::string_view{line_}.substr(0, std::min(line_.size(), stamp_length))});
      if (stamp) stamp_ = *stamp;
      return true;
    }
    file_.close();
  }
  return false;
}

Result<AllLogs> AllLogs::open(const Directory& logs) {
  AllLogs all;
  std::vector<std::string> names = TRY(logs.names());
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    auto directory = logs.open_directory(name);
    if (!directory && directory.error().number() == ENOTDIR) continue;
    ServiceLog log = TRY(ServiceLog::open(name, TRY(std::move(directory))));
    if (TRY(log.next())) all.logs_.push_back(std::move(log));
  }
  return all;
}

Result<const ServiceLog*> AllLogs::next() {
  if (taken_ < logs_.size() && !TRY(logs_[taken_].next())) logs_.erase(logs_.begin() + static_cast<std::ptrdiff_t>(taken_));
  if (logs_.empty()) return static_cast<const ServiceLog*>(nullptr);
  auto const first = std::min_element(logs_.begin(), logs_.end(),
                                      [](const ServiceLog& a, const ServiceLog& b) { return a.stamp() < b.stamp(); });
  taken_ = static_cast<std::size_t>(first - logs_.begin());
  return &*first;
}

}  // namespace postern
