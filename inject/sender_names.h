// sender_names - who sends: From and the envelope's sender as environment and control files say, and what completes
// short addresses
#pragma once

#include <string>
#include <string_view>

#include "lib/core/result.h"
#include "lib/mail/address.h"
#include "lib/mail/address_list.h"
#include "lib/os/control.h"
#include "lib/os/program.h"

namespace postern {

// The letters of QMAILINJECT.
struct InjectFlags {
  bool puts_name_in_comment = false;  // c
  bool ignores_return_path = false;   // s
  bool replaces_from = false;         // f
  bool replaces_message_id = false;   // i
  bool marks_sender = false;          // m: the sender's local part gets the time and the process
  static Result<InjectFlags> parse(std::string_view letters);
};

class SenderNames {
 public:
  static Result<SenderNames> read(const Args& args, const Control& control);

  // "local@host" with the local part quoted or literal, or "local"; never the null sender.
  Result<Address> address_of(std::string_view text) const;
  Result<Address> from() const;                         // of a From field that is missing
  Result<Address> sender(std::string_view mark) const;  // of the envelope, when nothing else names one
  Result<std::string> from_text() const;                // "Name <user@host>", or "user@host (Name)"
  const Completion& completion() const { return completion_; }
  const InjectFlags& flags() const { return flags_; }
  const std::string& id_host() const { return id_host_; }

 private:
  explicit SenderNames(Completion completion) : completion_(std::move(completion)) {}
  Result<Address> made_of(std::string local_part, std::string_view host) const;

  Completion completion_;
  InjectFlags flags_;
  std::string user_, host_, name_;         // of From
  std::string sender_user_, sender_host_;  // of the envelope
  std::string id_host_;
};

// A display name as a header field may hold it (RFC 5322 §3.2.5): words, a quoted string, or encoded words (RFC 2047
// §5 (3)). Control characters become blanks.
std::string written_phrase(std::string_view name);
std::string written_comment(std::string_view name);  // with its parentheses

}  // namespace postern
