#include "send/pause_store.h"

#include <unistd.h>

#include "lib/os/io.h"
#include "lib/os/log.h"

namespace postern {
namespace {

constexpr std::size_t largest_file = 16u << 20;  // some 400,000 changes
constexpr const char* name = "pauses";

Result<Pauses> read_pauses(const Directory& state) {
  auto const file = state.open_file(name);
  if (!file && is_missing(file.error())) return Pauses{};
  if (!file) return file.error();
  std::string const text = TRY(read_all(file->number(), largest_file));
  return Pauses::parse(Wire{text});
}

}  // namespace

Result<PauseStore> PauseStore::open(Directory state) {
  auto pauses = read_pauses(state);
  if (!pauses && !pauses.error().is_permanent()) return pauses.error();
  if (!pauses) {
    LogLine{"pauses"}
        .add("error", pauses.error().text())
        .add("effect", "nothing is paused; put aside as state/pauses.damaged")
        .write();
    TRY(state.rename(name, state, "pauses.damaged"));
    pauses = Pauses{};
  }
  for (const auto& [what, pause] : pauses->all())
    LogLine{"paused"}.add("what", what).add("uid", std::uint64_t{pause.uid}).write();
  // What is over leaves nothing to remember; a torn line at the end is cut off when the next one comes.
  if (pauses->all().empty())
    if (Status const removed = state.unlink(name); !removed && !is_missing(removed.error())) return removed.error();
  std::uint64_t const length = pauses->all().empty() ? 0 : pauses->whole_length();
  return PauseStore{std::move(state), *std::move(pauses), length};
}

Status PauseStore::append(const std::string& line) {
  if (!file_.is_open()) {
    file_ = TRY(state_.append_file(name, 0640));
    if (ftruncate(file_.number(), static_cast<off_t>(length_)) != 0) return system_error("truncate state/pauses");
  }
  ssize_t const wrote = write(file_.number(), line.data(), line.size());
  if (wrote == static_cast<ssize_t>(line.size())) {
    length_ += line.size();
    is_dirty_ = true;
    return Done{};
  }
  if (wrote < 0) return system_error("write state/pauses");
  if (ftruncate(file_.number(), static_cast<off_t>(length_)) != 0) return system_error("truncate state/pauses");
  return temporary("write state/pauses: the disk is full");
}

Result<bool> PauseStore::add(const PauseScope& scope, Pause pause) {
  if (pauses_.all().contains(scope.text())) return false;
  TRY(append(paused_line(scope, pause)));
  return pauses_.add(scope, pause);
}

Result<bool> PauseStore::end(const PauseScope& scope, Pause pause) {
  if (!pauses_.all().contains(scope.text())) return false;
  TRY(append(resumed_line(scope, pause)));
  return pauses_.end(scope);
}

void PauseStore::sync_started() {
  is_dirty_ = false;
  is_syncing_ = true;
}

bool PauseStore::sync_ended() {
  is_syncing_ = false;
  return !is_dirty_;
}

void PauseStore::sync_lost() {
  is_dirty_ = is_dirty_ || is_syncing_;
  is_syncing_ = false;
}

}  // namespace postern
