// maildir_file - one message on its way into a Maildir: tmp/NAME, then new/NAME,S=bytes,W=octets
//
// The steps are Maildir's own (https://cr.yp.to/proto/maildir.html) with one fsync that makes bytes and name last, so
// that the mailbox is as durable as the queue before the queue lets go. Its name in tmp/ goes with it.
#pragma once

#include <string>

#include "lib/core/result.h"
#include "lib/mail/maildir_name.h"
#include "lib/os/directory.h"

namespace postern {

class MaildirFile {
 public:
  // `maildir` must outlive it. `host` becomes the last part of the name.
  static Result<MaildirFile> create(const Directory& maildir, std::string_view host);
  MaildirFile(MaildirFile&& other) noexcept;
  MaildirFile& operator=(MaildirFile&&) = delete;
  ~MaildirFile();

  int fd() const { return file_.number(); }
  // The name in new/, which says the sizes (lib/mail/maildir_name.h), and fsync. When fsync fails, both names are removed.
  Status commit(const MessageSize& size);

 private:
  MaildirFile(Directory tmp, Directory new_directory, std::string name, Fd file)
      : tmp_(std::move(tmp)), new_(std::move(new_directory)), name_(std::move(name)), file_(std::move(file)) {}
  Directory tmp_;
  Directory new_;
  std::string name_;  // empty once moved from
  Fd file_;
};

// The folder for junk of a Maildir++ (".Junk"), made if it is missing.
Result<Directory> junk_folder(const Directory& maildir);

}  // namespace postern
