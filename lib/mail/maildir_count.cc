#include "lib/mail/maildir_count.h"

#include <algorithm>

#include "lib/mail/maildir_files.h"
#include "lib/mail/maildir_name.h"

namespace postern {
namespace {

Status count_files(const Directory& folder, const char* part, MailboxUse& use) {
  auto const directory = folder.open_directory(part);
  if (!directory) {
    int const number = directory.error().number();
    if (number == ENOENT || number == ENOTDIR || number == ELOOP || number == EACCES) return Done{};  // nothing of ours
    return directory.error();
  }
  TRY(for_each_file(*directory, [&](std::string_view name) {
    use.bytes = std::min(use.bytes + size_of_message(*directory, name), largest_quota_bytes);
    return ++use.messages <= counted_files_most;
  }));
  if (use.messages > counted_files_most) return temporary("4.2.0 the mailbox has too many files to count them");
  return Done{};
}

// new/ first: messages move from there to cur/.
Status count_folder(const Directory& folder, MailboxUse& use) {
  TRY(count_files(folder, "new", use));
  return count_files(folder, "cur", use);
}

}  // namespace

std::uint64_t size_of_message(const Directory& folder, std::string_view name) {
  auto const parts = MaildirName::parse(Wire{name});
  if (parts && parts->bytes) return std::min(*parts->bytes, largest_quota_bytes);
  auto const status = folder.status_of(std::string{name});
  return status ? std::min(static_cast<std::uint64_t>(status->st_size), largest_quota_bytes) : 0;
}

Result<MailboxUse> count_maildir(const Directory& maildir) {
  MailboxUse use;
  TRY(count_folder(maildir, use));
  std::uint64_t folders = 0;
  Status inside{Done{}};
  TRY(for_each_entry(maildir, [&](const dirent& entry) {
    std::string_view const name{entry.d_name};
    if (name.front() != '.' || name == "." || name == "..") return true;
    auto const folder = maildir.open_directory(std::string{name});
    if (!folder) return true;  // no folder
    inside = count_folder(*folder, use);
    if (inside && ++folders > counted_folders_most) inside = temporary("4.2.0 the mailbox has too many folders to count them");
    return inside.has_value();
  }));
  TRY(std::move(inside));
  return use;
}

}  // namespace postern
