#include "pop3d/uid_store.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>

#include "lib/core/clock.h"
#include "lib/os/io.h"
#include "lib/os/log.h"

namespace postern {
namespace {

constexpr const char* new_file_name = "postern-uids.new";
constexpr std::size_t largest_file = 192u << 20;
constexpr std::uint32_t most_uid = 0xffff'fff0;
// Names that no message has any more are kept until they are many: one that was only missed, because somebody renamed it while
// the folders were read, keeps its number.
constexpr std::size_t missing_kept = 1000;

UidList fresh_list() {
  auto const seconds = std::chrono::duration_cast<Seconds>(wall_now().time_since_epoch()).count();
  UidList list;
  list.validity = static_cast<std::uint32_t>(seconds < 1 ? 1 : seconds);
  return list;
}

// In one piece: it is replaced, never changed.
Result<std::string> read_list(int file) {
  struct stat const status = TRY(status_of(file));
  if (!S_ISREG(status.st_mode)) return permanent("not a file");
  auto const size = static_cast<std::uint64_t>(status.st_size);
  if (size > largest_file) return permanent("too large");
  std::string text(size, '\0');
  TRY(pread_exactly(file, text, 0));
  return text;
}

Result<Fd> lock_folder(const Directory& cur) {
  Fd lock{openat(cur.number(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!lock.is_open()) return system_error("open", "Maildir/cur");
  while (flock(lock.number(), LOCK_EX) != 0)
    if (errno != EINTR) return system_error("lock", "Maildir/cur");
  return lock;
}

}  // namespace

Result<UidStore> UidStore::open(const Directory& maildir, const Directory& cur) {
  Fd lock = TRY(lock_folder(cur));
  auto text = std::make_unique<std::string>();
  auto const file = maildir.open_file(file_name);
  bool const is_link = !file && file.error().number() == ELOOP;
  if (!file && !is_missing(file.error()) && !is_link) return file.error();
  if (!file) return UidStore{maildir, std::move(lock), std::move(text), fresh_list()};
  auto read = read_list(file->number());
  if (!read && !read.error().is_permanent()) return std::move(read).error();
  if (read) *text = *std::move(read);
  auto list = UidList::parse(Wire{*text});
  if (list && list->next < most_uid - MaildirScan::most_messages)
    return UidStore{maildir, std::move(lock), std::move(text), *std::move(list)};
  LogLine{"uids"}.add("damaged", file_name).add("error", list ? "no number left" : list.error().text()).write();
  return UidStore{maildir, std::move(lock), std::move(text), fresh_list()};
}

void UidStore::match(MaildirScan& scan) const {
  for (const UidList::Entry& entry : list_.entries)
    if (Message* const message = scan.find(entry.unique); message && message->uid == 0) message->uid = entry.uid;
}

// Messages come in the order of their numbers, those without one last.
Result<std::uint32_t> UidStore::give(MaildirScan& scan) const {
  UidList list;
  list.validity = list_.validity;
  list.next = list_.next;
  std::size_t known = 0, given = 0;
  for (Message& message : scan.messages()) {
    if (message.uid != 0) ++known;
    if (message.uid != 0) continue;
    message.uid = list.next++;
    ++given;
  }
  std::size_t const missing = list_.entries.size() - known;
  if (given == 0 && missing <= known + missing_kept) return list.validity;
  if (missing <= known + missing_kept)
    list.entries = list_.entries;
  else
    for (const Message& message : std::span{scan.messages()}.first(known))
      list.entries.push_back({message.uid, scan.unique_of(message)});
  for (const Message& message : std::span{scan.messages()}.subspan(known))
    list.entries.push_back({message.uid, scan.unique_of(message)});
  TRY(write(list));
  return list.validity;
}

Status UidStore::write(const UidList& list) const {
  if (auto const gone = maildir_.unlink(new_file_name); !gone && !is_missing(gone.error())) return gone;
  Fd const file = TRY(maildir_.create_file(new_file_name, 0600));
  TRY(write_all(file.number(), list.encoded()));
  TRY(sync_file(file.number()));
  return maildir_.rename(new_file_name, maildir_, file_name);
}

}  // namespace postern
