// wire_writer - a message's text on its way to the other side: CRLF for LF, dots doubled, in big writes
//
// The last bytes stay here until finish(): without them the other side has no whole message, whatever came before.
#pragma once

#include <string>

#include "lib/core/clock.h"
#include "remote/peer_reply.h"
#include "remote/text_sink.h"

namespace postern {

class WireWriter final : public TextSink {
 public:
  enum class Framing : unsigned char { dots, counted };  // DATA; BDAT, whose command is `front`

  WireWriter(int fd, Framing framing, std::string front, Milliseconds block_time, Deadline all_time)
      : fd_(fd), framing_(framing), block_time_(block_time), all_time_(all_time), waiting_(std::move(front)) {}

  // What the other side says before it was told all stops it: an error whose number() is EBUSY.
  void listen_to(ReplyReader& replies) { replies_ = &replies; }
  Status add(std::string_view text) override;  // after the text of an OutgoingBody
  Status finish();

 private:
  static constexpr std::size_t block_size = 65'536;
  Status flush();
  int fd_;
  Framing framing_;
  Milliseconds block_time_;
  Deadline all_time_;
  std::string waiting_;
  ReplyReader* replies_ = nullptr;
  bool is_at_line_start_ = true;
};

}  // namespace postern
