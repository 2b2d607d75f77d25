// peer_reply - what another host's SMTP server answers (RFC 5321 §4.2, RFC 2034), in which no byte can do harm
//
// A line of a reply is three digits, then a blank, a hyphen (there is more) or its end, then text. It ends in CRLF; a bare LF
// counts as well, since nothing of ours begins behind it. All lines have one code. Control characters (NUL, CR) and what is not
// UTF-8 become '?'. A reply has most_reply_lines and longest_reply bytes at most; what has more is none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

constexpr std::size_t longest_reply_line = 2048;  // bytes; RFC 5321 §4.5.3.1.5 asks for 512
constexpr std::size_t longest_reply = 16'384;
constexpr std::size_t most_reply_lines = 128;

class PeerReply {
 public:
  static Result<PeerReply> parse(Wire text);  // all its lines, and nothing behind them

  unsigned code() const { return code_; }
  bool is_good() const { return code_ / 100 == 2; }
  bool is_temporary() const { return code_ / 100 == 4; }
  bool is_permanent() const { return code_ / 100 == 5; }
  bool is_refusal() const { return code_ >= 400; }
  bool is_leaving() const { return code_ == 421; }  // RFC 5321 §3.8: the server closes the connection, whatever was asked
  bool has_status() const { return has_status_; }   // it gave an enhanced code that fits its code
  std::string status() const { return status_; }    // RFC 3463; the one nearest to the code where it gave none
  const std::vector<std::string>& lines() const { return lines_; }  // without codes
  std::string text() const;  // "550 5.1.1 no such user / ask the postmaster", cut to what a report holds

 private:
  PeerReply() = default;
  unsigned code_ = 0;
  bool has_status_ = false;
  std::string status_;
  std::vector<std::string> lines_;
};

// Finds where a reply ends while it comes in piece by piece, and looks at each byte once.
class ReplyEnd {
 public:
  // `text` is what it was at the last call and more behind it. The bytes of the whole reply, or 0: not all of it is there.
  // A permanent error as soon as it cannot become a reply.
  Result<std::size_t> find_in(std::string_view text);

 private:
  std::size_t line_ = 0;  // where the line under way begins
  std::size_t searched_ = 0;
  std::size_t lines_ = 0;
};

// Replies from a socket. A temporary error is the connection's (its number() ETIMEDOUT, ECONNRESET ...), a permanent one says
// how the other side broke the protocol; either way there is nothing more to be read.
class ReplyReader {
 public:
  explicit ReplyReader(int fd) : fd_(fd) {}

  Result<PeerReply> next(Deadline deadline);
  // Without waiting: bytes that nobody asked for, or the end of the connection, are there.
  bool has_anything();
  bool has_bytes();  // likewise, and the end of the connection does not count

 private:
  int fd_;
  int failed_ = 0;       // the errno that a look met
  std::string waiting_;  // read, and not yet given
};

}  // namespace postern
