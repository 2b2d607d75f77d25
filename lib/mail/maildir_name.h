// maildir_name - the name of a message's file in a Maildir: UNIQUE[,S=bytes][,W=octets][:2,FLAGS]
//
// S and W are Maildir++'s: the file's size, and its octets when every line ends with CRLF. They are somebody's word: what
// is sent must never depend on them. UNIQUE is what stays of a name when flags and sizes change.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

// A message's two sizes, counted as its bytes go by. A last line without its end gets one when it is sent.
class MessageSize {
 public:
  void see(std::string_view piece);
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t octets() const { return bytes_ + bare_ends_ + (last_ == '\n' ? 0 : last_ == '\r' ? 1 : 2); }

 private:
  std::uint64_t bytes_ = 0;
  std::uint64_t bare_ends_ = 0;  // LF without CR in front
  char last_ = '\n';
};

// Views of the name that it was parsed from, valid as long as that is.
struct MaildirName {
  std::string_view unique;
  std::optional<std::uint64_t> bytes;   // S
  std::optional<std::uint64_t> octets;  // W
  std::string_view info;                // ":2,FS" and the like, with its colon; or empty

  // No message: a name that begins with a dot, has a control character or a slash, or no UNIQUE; or over 255 bytes.
  static Result<MaildirName> parse(Wire name);
  bool has_flag(char flag) const;
};

constexpr std::size_t maildir_name_most = 255;

std::string sized_maildir_name(std::string_view unique, std::uint64_t bytes, std::uint64_t octets, std::string_view info);
// ":2," with this flag among the others, in order; an info of another kind stays as it is.
std::string info_with_flag(std::string_view info, char flag);

}  // namespace postern
