#include "pop3d/mail_drop.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include <memory>

#include "lib/mail/maildir_count.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "pop3d/uid_store.h"

namespace postern {
namespace {

Result<MessageSize> read_size(const Maildrop::OpenMessage& message) {
  constexpr std::size_t room_size = 65536;
  auto const room = std::make_unique_for_overwrite<char[]>(room_size);
  MessageSize size;
  while (size.bytes() < message.size) {
    std::size_t const got = TRY(read_some(message.file.number(), std::span{room.get(), room_size}));
    if (got == 0) break;
    size.see({room.get(), got});
  }
  return size;
}

// Never over another file: that would be a message lost.
bool rename_to_free_name(const Directory& from, const std::string& name, const Directory& to, const std::string& new_name) {
  return renameat2(from.number(), name.c_str(), to.number(), new_name.c_str(), RENAME_NOREPLACE) == 0;
}

}  // namespace

Result<Maildrop> Maildrop::open(const Directory& home) {
  Directory maildir = TRY(home.open_directory("Maildir"));
  if (flock(maildir.number(), LOCK_EX | LOCK_NB) != 0) return system_error("lock", "Maildir");
  Directory new_folder = TRY(maildir.open_directory("new"));
  Directory cur = TRY(maildir.open_directory("cur"));
  Maildrop maildrop{std::move(maildir), std::move(new_folder), std::move(cur)};
  TRY(maildrop.scan_.read(maildrop.new_, maildrop.cur_));
  TRY(maildrop.give_uids());
  return maildrop;
}

Status Maildrop::give_uids() {
  auto const store = TRY(UidStore::open(maildir_, cur_));
  scan_.sort_by_unique();
  store.match(scan_);
  scan_.sort_by_age();
  if (auto const given = store.give(scan_); given) {
    has_uids_ = true;
    validity_ = *given;
  } else {
    LogLine{"uids"}.add("error", given.error().text()).write();  // the rest of POP3 goes on
  }
  return Done{};
}

// Where messages are that somebody else moved or flagged: of all at once, since a client that marks one marks many.
Status Maildrop::look_again() {
  Milliseconds const began = monotonic_now();
  MaildirScan newer;
  TRY(newer.read(new_, cur_));
  newer.sort_by_unique();
  scan_.take_names_of(newer);
  Milliseconds const now = monotonic_now();
  looks_again_from_ = now + 9 * (now - began);
  return Done{};
}

Result<Maildrop::OpenMessage> Maildrop::open_message(Message& message) {
  auto file = folder_of(message).open_file(std::string{scan_.name_of(message)});
  if (!file && is_missing(file.error())) {
    // One that was missed already is looked for a tenth of the time at most: all may be gone, and each be asked for.
    if (!message.is_missing || monotonic_now() >= looks_again_from_) TRY(look_again());
    if (!message.is_missing) file = folder_of(message).open_file(std::string{scan_.name_of(message)});
  }
  if (!file) return std::move(file).error();
  struct stat const status = TRY(status_of(file->number()));
  if (!S_ISREG(status.st_mode)) return temporary("not a file:", scan_.name_of(message));
  return OpenMessage{*std::move(file), static_cast<std::uint64_t>(status.st_size)};
}

Result<std::uint64_t> Maildrop::octets_of(Message& message) {
  if (message.is_sized) return message.octets;
  auto const opened = TRY(open_message(message));
  note_size(message, TRY(read_size(opened)));
  return message.octets;
}

bool Maildrop::note_size(Message& message, const MessageSize& size) const {
  auto const said = scan_.parts_of(message);
  bool const is_wrong = (said.octets && *said.octets != size.octets()) || (said.bytes && *said.bytes != size.bytes());
  message.has_new_size = is_wrong || !said.octets || !said.bytes;
  message.is_sized = true;
  message.bytes = size.bytes();
  message.octets = size.octets();
  return !is_wrong;
}

Status Maildrop::remove(const Message& message, MailboxUse* gone) const {
  std::string_view const name = scan_.name_of(message);
  std::uint64_t const size = gone ? size_of_message(folder_of(message), name) : 0;
  TRY(folder_of(message).unlink(std::string{name}));
  if (gone) gone->bytes += size, ++gone->messages;
  return Done{};
}

// To cur/, with the flag and sizes that it has now. What cannot be renamed keeps its name: nothing is lost by that.
void Maildrop::rename(Message& message) {
  auto const parts = scan_.parts_of(message);
  bool const becomes_seen = message.is_retrieved && !parts.has_flag('S');
  if (!becomes_seen && !message.has_new_size) return;
  bool const to_cur = message.is_in_cur || message.is_retrieved;
  std::string const info = message.is_retrieved ? info_with_flag(parts.info, 'S') : std::string{parts.info};
  std::string const old{scan_.name_of(message)};
  std::string const name = message.is_sized && message.has_new_size
                               ? sized_maildir_name(parts.unique, message.bytes, message.octets, info)
                               : old.substr(0, old.size() - parts.info.size()) + info;
  if (name == old && to_cur == message.is_in_cur) return;
  if (!rename_to_free_name(folder_of(message), old, to_cur ? cur_ : new_, name))
    LogLine{"rename"}.add("name", old).add("error", system_error("rename").text()).write();
}

// One that is not where it was is looked for once more: somebody else removed it, or moved it.
Status Maildrop::remove_deleted(MailboxUse* gone) {
  Status outcome{Done{}};
  std::vector<Message*> missed;
  auto const note = [&](const Message& message, const Error& error) {
    LogLine{"remove"}.add("name", scan_.name_of(message)).add("error", error.text()).write();
    outcome = error;
  };
  for (Message& message : messages()) {
    if (!message.is_deleted) continue;
    auto const removed = remove(message, gone);
    if (!removed && is_missing(removed.error()))
      missed.push_back(&message);
    else if (!removed)
      note(message, removed.error());
  }
  if (missed.empty()) return outcome;
  TRY(look_again());
  for (const Message* const message : missed) {
    auto const removed = message->is_missing ? Status{Done{}} : remove(*message, gone);
    if (!removed && !is_missing(removed.error())) note(*message, removed.error());
  }
  return outcome;
}

// For who counts what the mailbox holds. Where nobody does there is no such file, and what cannot be written is counted anew.
void Maildrop::note_removed(MaildirSizesFile& sizes, const MailboxUse& removed) {
  auto const noted =
      sizes.append_and_read(-static_cast<std::int64_t>(removed.bytes), -static_cast<std::int64_t>(removed.messages));
  if (!noted) return LogLine{"maildirsize"}.add("error", noted.error().text()).write();
  if (sizes.sizes().use.room(sizes.sizes().limits) != 0) full_.clear();
}

Status Maildrop::update() {
  bool has_removed = false;
  for (Message& message : messages()) {
    has_removed |= message.is_deleted;
    if (!message.is_deleted) rename(message);
  }
  if (!has_removed) return Done{};
  auto sizes = MaildirSizesFile::open(maildir_);
  MailboxUse gone;
  Status outcome = remove_deleted(sizes ? &gone : nullptr);
  if (sizes) note_removed(*sizes, gone);
  for (const Directory* const folder : {&new_, &cur_})  // so that what the client was told to be gone stays so
    if (auto const synced = sync_file(folder->number()); !synced) outcome = synced.error();
  return outcome;
}

}  // namespace postern
