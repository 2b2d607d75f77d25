#include "local/mailbox_limit.h"

#include "lib/mail/maildir_count.h"
#include "lib/os/log.h"

namespace postern {

Result<MailboxLimit> MailboxLimit::from(const Args& args) {
  MailboxLimit limit;
  auto const quota = args.variable("QUOTA");
  if (!quota) return limit;
  limit.quota_ = TRY(Quota::parse(Wire{*quota}));
  limit.user_ = args.variable("USER").value_or("");
  limit.flag_ = OwnFullFlag::open(args.variable("FULL"));
  return limit;
}

Error MailboxLimit::full(const MailboxUse& use, std::uint64_t size) const {
  flag_.set(use.room(quota_));
  LogLine{"over-quota"}
      .add("user", user_)
      .add("size", size)
      .add("bytes", use.bytes)
      .add("limit", quota_.bytes)
      .add("messages", use.messages)
      .add("limit-messages", quota_.messages)
      .write();
  return temporary("4.2.2 mailbox full");
}

bool MailboxLimit::is_to_be_counted(const std::optional<MaildirSizesFile>& file, std::uint64_t size) const {
  if (!file || file->sizes().limits != quota_) return true;
  return !file->sizes().use.leaves_room(quota_, size) && file->is_old(wall_now());
}

Result<MailboxLimit::Reservation> MailboxLimit::reserve(const Directory& maildir, std::uint64_t size) const {
  if (quota_.is_none()) return Reservation{};
  if (quota_.bytes != 0 && size > quota_.bytes)  // RFC 3463 3.3: X.2.3 is for good, X.2.2 is not
    return permanent("5.2.3 the message is larger than this mailbox may hold");
  auto file = MaildirSizesFile::open(maildir);
  if (is_to_be_counted(file, size)) {
    MailboxUse const counted = TRY(count_maildir(maildir));
    using Existing = MaildirSizesFile::Existing;
    auto made = MaildirSizesFile::make(maildir, {quota_, counted}, Existing::kept);
    if (made) file = MaildirSizesFile::open(maildir);
    if (made && is_to_be_counted(file, size)) {  // what is there is of no use
      made = MaildirSizesFile::make(maildir, {quota_, counted}, Existing::replaced);
      file = MaildirSizesFile::open(maildir);
    }
    if (!made) LogLine{"maildirsize"}.add("user", user_).add("error", made.error().text()).write();
    if (!counted.leaves_room(quota_, size)) return full(counted, size);
    if (!file || file->sizes().limits != quota_) return Reservation{*this, maildir, std::nullopt, size};
  }
  if (!file->sizes().use.leaves_room(quota_, size)) return full(file->sizes().use, size);
  auto const bytes = static_cast<std::int64_t>(size);
  auto const reserved = file->append_and_read(bytes, 1);
  if (!reserved) return Error{Fate::temporary, "4.2.0 cannot reserve room:", reserved.error().text()};
  Reservation reservation{*this, maildir, std::move(file), size};
  MailboxUse const use = reservation.file_->sizes().use;
  if (use.bytes < size || use.messages == 0) return temporary("4.2.0 maildirsize takes away more than there was");
  MailboxUse const before{use.bytes - size, use.messages - 1};
  if (before.leaves_room(quota_, size)) return reservation;
  return full(before, size);
}

MailboxLimit::Reservation::Reservation(Reservation&& other) noexcept
    : limit_(std::exchange(other.limit_, nullptr)),
      maildir_(other.maildir_),
      file_(std::exchange(other.file_, std::nullopt)),
      size_(other.size_) {}

MailboxLimit::Reservation::~Reservation() {
  if (limit_ && file_) [[maybe_unused]]
    auto const given_back = file_->append(-static_cast<std::int64_t>(size_), -1);
}

// Who counted anew meanwhile may not have seen this message, and where nothing could be reserved nobody knows of it: then it is
// added where it counts now. Twice is too much, which
// counting mends; not at all would be too little for long.
void MailboxLimit::Reservation::keep(std::uint64_t size) {
  const MailboxLimit* const limit = std::exchange(limit_, nullptr);
  if (!limit) return;
  MailboxUse use;
  if (file_) use = file_->sizes().use;
  if (file_ && size != size_) [[maybe_unused]]
    auto const corrected = file_->append(static_cast<std::int64_t>(size) - static_cast<std::int64_t>(size_), 0);
  if (!file_ || !file_->is_current(*maildir_)) {
    if (auto const newer = MaildirSizesFile::open(*maildir_)) {
      [[maybe_unused]] auto const added = newer->append(static_cast<std::int64_t>(size), 1);
      use = newer->sizes().use;
    } else {  // what cannot be told of this message must not be believed by the next one
      [[maybe_unused]] auto const forgotten = maildir_->unlink("maildirsize");
    }
  }
  if (use.room(limit->quota_) == 0)
    limit->flag_.set(0);
  else
    limit->flag_.clear();
}

}  // namespace postern
