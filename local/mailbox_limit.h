// mailbox_limit - the quota of the mailbox that is delivered to: room is reserved before a message is written
//
// What the mailbox holds is in Maildir++'s maildirsize (lib/mail/maildir_sizes_file.h), and counted where that is missing,
// damaged, too long, of other limits, or says "full" for more than 15 minutes. A delivery appends its message to it first and
// then looks whether what stands there up to its own line fits: so several deliveries at once do not fill a mailbox beyond its
// limit together, and what one that was killed had reserved is too much, never too little, until it is counted anew.
//
// Whether the mailbox is full it tells smtpd by users/full/NAME (lib/mail/full_flag.h). Without a quota nothing is done.
#pragma once

#include <optional>
#include <string>

#include "lib/mail/full_flag.h"
#include "lib/mail/maildir_sizes_file.h"
#include "lib/os/program.h"

namespace postern {

class MailboxLimit {
 public:
  // QUOTA and FULL of the environment, as local-spawn sets them.
  static Result<MailboxLimit> from(const Args& args);

  // Room for one message; given back when it ends, unless the message was kept. Needs the limit and the Maildir.
  class Reservation {
   public:
    Reservation() = default;
    Reservation(Reservation&& other) noexcept;
    Reservation& operator=(Reservation&&) = delete;
    ~Reservation();
    void keep(std::uint64_t size);  // the message is there, and has this size

   private:
    friend class MailboxLimit;
    Reservation(const MailboxLimit& limit, const Directory& maildir, std::optional<MaildirSizesFile> file, std::uint64_t size)
        : limit_(&limit), maildir_(&maildir), file_(std::move(file)), size_(size) {}
    const MailboxLimit* limit_ = nullptr;
    const Directory* maildir_ = nullptr;
    std::optional<MaildirSizesFile> file_;  // where it stands
    std::uint64_t size_ = 0;
  };

  // 4.2.2: the mailbox is full. 5.2.3: it would be too small if it were empty.
  Result<Reservation> reserve(const Directory& maildir, std::uint64_t size) const;

 private:
  Error full(const MailboxUse& use, std::uint64_t size) const;
  bool is_to_be_counted(const std::optional<MaildirSizesFile>& file, std::uint64_t size) const;

  Quota quota_;
  std::string user_;
  OwnFullFlag flag_;
};

}  // namespace postern
