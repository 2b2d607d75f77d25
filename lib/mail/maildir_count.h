// maildir_count - what a mailbox holds, counted: every file in new/ and cur/ of its Maildir and of each folder (".Folder")
//
// Sizes are those in the names (lib/mail/maildir_name.h), or the files' own. Nothing follows a symbolic link, no file is opened,
// and what somebody put there who wants to be counted for long ends at counted_files_most.
#pragma once

#include "lib/mail/quota.h"
#include "lib/os/directory.h"

namespace postern {

constexpr std::uint64_t counted_files_most = 4'000'000;
constexpr std::uint64_t counted_folders_most = 10'000;

Result<MailboxUse> count_maildir(const Directory& maildir);

// As a name says it, or the file; nothing: it is gone. Never more than largest_quota_bytes.
std::uint64_t size_of_message(const Directory& folder, std::string_view name);

}  // namespace postern
