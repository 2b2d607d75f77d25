#include "lib/mail/maildir_sizes_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "lib/core/number.h"
#include "lib/os/io.h"
#include "lib/os/log.h"

namespace postern {
namespace {

constexpr const char* file_name = "maildirsize";

}  // namespace

std::optional<MaildirSizesFile> MaildirSizesFile::open(const Directory& maildir) {
  auto opened = open_file(maildir);
  if (opened) return *std::move(opened);
  if (!is_missing(opened.error())) LogLine{"maildirsize"}.add("error", opened.error().text()).write();
  return std::nullopt;
}

Result<MaildirSizesFile> MaildirSizesFile::open_file(const Directory& maildir) {
  Fd file{openat(maildir.number(), file_name, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
  if (!file.is_open()) return system_error("open", file_name);
  struct stat const status = TRY(status_of(file.number()));
  if (!S_ISREG(status.st_mode)) return permanent("maildirsize: not a file");
  if (status.st_size > static_cast<off_t>(largest_maildir_sizes))  // in the ordinary course of things: no trouble
    return Error{Fate::temporary, "so long that it is made anew:", file_name, ENOENT};
  MaildirSizesFile opened{std::move(file), status.st_ino, WallTime{Seconds{status.st_mtim.tv_sec}}};
  TRY(opened.read(largest_maildir_sizes * 2));
  return opened;
}

Status MaildirSizesFile::read(std::size_t most) {
  std::array<char, largest_maildir_sizes * 2> room;  // others may add some lines meanwhile
  if (most > room.size()) return permanent("maildirsize: too long");
  std::size_t size = 0;
  while (size < most) {
    ssize_t const got = pread(file_.number(), room.data() + size, most - size, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read maildirsize");
    size += static_cast<std::size_t>(got);
    if (got == 0 || room[size - 1] == '\n') break;  // of a whole one another call would only say that it ends
  }
  sizes_ = TRY(MaildirSizes::parse(Wire{std::string_view{room.data(), size}}));
  return Done{};
}

// A time to come is nobody's: as old as can be.
bool MaildirSizesFile::is_old(WallTime now) const { return now < changed_ || now - changed_ >= maildir_sizes_time; }

// Half a line makes a file that nobody believes: it is counted anew then.
Status MaildirSizesFile::append(std::int64_t bytes, std::int64_t messages) const {
  Status written = write_all(file_.number(), maildir_sizes_line(bytes, messages));
  if (!written) LogLine{"maildirsize"}.add("error", written.error().text()).write();
  return written;
}

// Behind an appended line stands the descriptor's own position.
Status MaildirSizesFile::append_and_read(std::int64_t bytes, std::int64_t messages) {
  TRY(append(bytes, messages));
  off_t const end = lseek(file_.number(), 0, SEEK_CUR);
  if (end < 0) return system_error("read maildirsize");
  return read(static_cast<std::size_t>(end));
}

bool MaildirSizesFile::is_current(const Directory& maildir) const {
  auto const status = maildir.status_of(file_name);
  if (!status && !is_missing(status.error())) LogLine{"maildirsize"}.add("error", status.error().text()).write();
  return status && status->st_ino == inode_;
}

// In tmp/ first, with a name that whoever looks for old files there takes for what it is.
Status MaildirSizesFile::make(const Directory& maildir, const MaildirSizes& sizes, Existing existing) {
  Directory const tmp = TRY(maildir.open_directory("tmp"));
  auto const now = static_cast<std::uint64_t>(wall_now().time_since_epoch().count());
  std::string const name = decimal(now) + ".P" + decimal(static_cast<std::uint64_t>(getpid())) + "." + file_name;
  Fd const file = TRY(tmp.create_file(name, 0600));
  Status made = write_all(file.number(), sizes.encoded());
  if (made) made = existing == Existing::kept ? tmp.link(name, maildir, file_name) : tmp.rename(name, maildir, file_name);
  if (made && existing == Existing::replaced) return Done{};
  TRY(tmp.unlink(name));
  if (!made && made.error().number() == EEXIST) return Done{};  // somebody else was quicker
  return made;
}

}  // namespace postern
