#include "lib/mail/full_flag.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "lib/core/number.h"
#include "lib/mail/quota.h"
#include "lib/os/io.h"
#include "lib/os/log.h"

namespace postern {
namespace {

void log_trouble(const Error& error) { LogLine{"full-flag"}.add("error", error.text()).write(); }

Result<std::optional<std::uint64_t>> read_room(const Directory& full, const std::string& user, WallTime now) {
  Fd const file = TRY(full.open_file(user));
  struct stat const status = TRY(status_of(file.number()));
  if (!S_ISREG(status.st_mode)) return permanent("not a file: users/full", user);
  auto const age = now - WallTime{Seconds{status.st_mtim.tv_sec}};
  if (status.st_size == 0 || age < 0s || age >= full_flag_time) return std::optional<std::uint64_t>{};
  std::array<char, 32> room;
  ssize_t const got = pread(file.number(), room.data(), room.size(), 0);
  if (got < 0) return system_error("read users/full", user);
  auto const flag = FullFlag::parse(Wire{std::string_view{room.data(), static_cast<std::size_t>(got)}});
  return std::optional{flag ? flag->room : std::uint64_t{0}};
}

}  // namespace

Result<FullFlag> FullFlag::parse(Wire wire) {
  std::string_view text = wire.bytes();
  if (!text.ends_with('\n')) return permanent("users/full: not a number and a newline");
  text.remove_suffix(1);
  return FullFlag{TRY(parse_number(Wire{text}, largest_quota_bytes))};
}

std::string FullFlag::encoded() const { return decimal(room) + "\n"; }

std::optional<std::uint64_t> room_when_full(const Directory& full, const std::string& user, WallTime now) {
  auto const room = read_room(full, user, now);
  if (room) return *room;
  if (!is_missing(room.error())) log_trouble(room.error());
  return std::nullopt;
}

// A FIFO or a link that somebody put there would have to be root's.
OwnFullFlag OwnFullFlag::open(const std::optional<std::string_view>& path) {
  OwnFullFlag flag;
  if (!path) return flag;
  int const number = ::open(std::string{*path}.c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (number >= 0)
    flag.file_ = Fd{number};
  else if (auto const error = system_error("open", *path); !is_missing(error))
    log_trouble(error);
  return flag;
}

// Nothing depends on it but when others hear of it: what cannot be written is for the log.
void OwnFullFlag::set(std::uint64_t room) const {
  if (!file_.is_open()) return;
  std::string const text = FullFlag{room}.encoded();
  auto written = pwrite_all(file_.number(), text, 0);  // it makes the file young again, too
  if (written && ftruncate(file_.number(), static_cast<off_t>(text.size())) != 0) written = system_error("truncate");
  if (!written) log_trouble(written.error());
}

void OwnFullFlag::clear() const {
  if (!file_.is_open()) return;
  auto const status = status_of(file_.number());
  if (!status) return log_trouble(status.error());
  if (status->st_size != 0 && ftruncate(file_.number(), 0) != 0) log_trouble(system_error("truncate users/full"));
}

}  // namespace postern
