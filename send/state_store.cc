#include "send/state_store.h"

#include <fcntl.h>
#include <unistd.h>

#include "lib/os/io.h"
#include "lib/os/log.h"

namespace postern {
namespace {

constexpr mode_t directory_mode = 0750;
constexpr mode_t file_mode = 0640;

std::string path_of(const QueueId& id) { return id.directory() + "/" + id.text(); }

}  // namespace

Result<std::optional<DeliveryState>> StateStore::read(const QueueId& id) const {
  int const number = openat(state_.number(), path_of(id).c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  if (number < 0 && errno == ENOENT) return std::optional<DeliveryState>{};
  if (number < 0) return system_error("open a state file");
  Fd const file{number};
  std::string const text = TRY(read_all(number, state_file_most));
  auto state = TRY(DeliveryState::parse(Wire{text}));
  if (state.whole_length < text.size() && ftruncate(number, static_cast<off_t>(state.whole_length)) != 0)
    return system_error("truncate a state file");
  return std::optional{std::move(state)};
}

Result<Fd> StateStore::open(const QueueId& id) const {
  auto file = state_.append_file(path_of(id), file_mode);
  if (file || !is_missing(file.error())) return file;
  TRY(state_.make_directory(id.directory(), directory_mode));
  return state_.append_file(path_of(id), file_mode);
}

void StateStore::set_dirty(File& file, bool dirty) {
  if (dirty && !file.is_dirty) ++waiting_;
  if (!dirty && file.is_dirty) --waiting_;
  file.is_dirty = dirty;
}

void StateStore::write(const std::string& id, File& file) {
  if (!file.fd.is_open()) {
    auto opened = open(*QueueId::parse(Wire{id}));
    if (!opened) return LogLine{"state"}.add("id", id).add("error", opened.error().text()).write();
    file.fd = *std::move(opened);
  }
  while (!file.unwritten.empty()) {
    ssize_t const wrote = ::write(file.fd.number(), file.unwritten.data(), file.unwritten.size());
    if (wrote < 0) return LogLine{"state"}.add("id", id).add("error", system_error("write").text()).write();
    file.unwritten.erase(0, static_cast<std::size_t>(wrote));
  }
}

bool StateStore::append(const QueueId& id, const std::string& lines) {
  std::string const key = id.text();
  File& file = files_[key];
  file.unwritten += lines;
  set_dirty(file, true);
  write(key, file);
  return file.unwritten.empty();
}

void StateStore::request_sync(const QueueId& id) { append(id, {}); }

void StateStore::write_again() {
  for (auto& [id, file] : files_)
    if (!file.unwritten.empty() || !file.fd.is_open()) write(id, file);
}

void StateStore::remove(const QueueId& id) {
  if (auto const found = files_.find(id.text()); found != files_.end()) {
    set_dirty(found->second, false);
    files_.erase(found);
  }
  Status const removed = state_.unlink(path_of(id));
  if (!removed && !is_missing(removed.error()))
    LogLine{"state"}.add("id", id.view()).add("error", removed.error().text()).write();
}

std::vector<QueueId> StateStore::list(unsigned directory) const {
  std::vector<QueueId> ids;
  auto const opened = state_.open_directory(QueueId::directory_name(directory));
  if (!opened) return ids;
  auto const names = opened->names();
  if (!names) return ids;
  for (const std::string& name : *names)
    if (auto const id = QueueId::parse(Wire{name})) ids.push_back(*id);
  return ids;
}

Result<std::string> StateStore::read_other(const std::string& name) const {
  auto const file = state_.open_file(name);
  if (!file && is_missing(file.error())) return std::string{};
  if (!file) return file.error();
  return read_all(file->number(), state_file_most);
}

Status StateStore::replace_other(const std::string& name, std::string_view text) const {
  std::string const fresh = name + ".new";
  if (Status const removed = state_.unlink(fresh); !removed && !is_missing(removed.error())) return removed;
  {
    Fd const file = TRY(state_.create_file(fresh, file_mode));
    TRY(write_all(file.number(), text));
  }
  return state_.rename(fresh, state_, name);
}

std::vector<StateStore::Unsynced> StateStore::unsynced() const {
  std::vector<Unsynced> list;
  for (const auto& [id, file] : files_)
    if (file.is_dirty && !file.is_syncing && file.unwritten.empty() && file.fd.is_open())
      list.push_back({*QueueId::parse(Wire{id}), file.fd.number()});
  return list;
}

void StateStore::sync_started(const QueueId& id) {
  File& file = files_.at(id.text());
  set_dirty(file, false);
  file.is_syncing = true;
}

bool StateStore::sync_ended(const QueueId& id) {
  auto const found = files_.find(id.text());
  if (found == files_.end()) return false;  // removed meanwhile
  found->second.is_syncing = false;
  if (found->second.is_dirty) return false;
  files_.erase(found);
  return true;
}

void StateStore::syncs_lost() {
  for (auto& [id, file] : files_) {
    if (file.is_syncing) set_dirty(file, true);
    file.is_syncing = false;
  }
}

}  // namespace postern
