#include "send/original_message.h"

#include <sys/random.h>

#include <algorithm>

#include "lib/core/ascii.h"
#include "lib/core/base32.h"
#include "lib/mail/header.h"
#include "lib/os/io.h"

namespace postern {
namespace {

constexpr std::uint64_t piece_size = 65536;
constexpr std::uint64_t longest_header = 256u << 10;
constexpr std::size_t longest_line = 998;  // RFC 5321 §4.5.3.1.6, without CRLF
constexpr std::size_t longest_message_id = 250;

bool may_travel(char c) { return c != '\0' && c != '\r'; }

// How long the line is that a text ends in the middle of, and whether any was too long or held what may not travel.
class LineWatch {
 public:
  void look_at(std::string_view piece) {
    for (char const c : piece) {
      length_ = c == '\n' ? 0 : length_ + 1;
      is_good_ = is_good_ && length_ <= longest_line && may_travel(c);
    }
  }
  bool is_good() const { return is_good_; }

 private:
  std::size_t length_ = 0;
  bool is_good_ = true;
};

std::string tame(std::string_view text) {
  std::string tamed;
  std::size_t length = 0;
  for (char const c : text) {
    length = c == '\n' ? 0 : length + 1;
    bool const is_torn = length > longest_line - 3 && (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    if (is_torn) length = longest_line;  // at the first byte of a character: none is cut
    if (length < longest_line) tamed += may_travel(c) ? c : '?';
  }
  return tamed;
}

// Of a header: a Message-ID that may stand in References (RFC 5322 §3.6.4).
std::string message_id_in(std::string_view header) {
  HeaderReader reader{header};
  while (auto const field = reader.next()) {
    if (!field->is("Message-ID")) continue;
    std::string id = field->unfolded();
    bool is_good = id.size() > 4 && id.size() <= longest_message_id && id.front() == '<' && id.back() == '>';
    for (char const c : std::string_view{id}.substr(1, id.size() - 2)) is_good = is_good && is_graphic(c) && c != '<' && c != '>';
    return is_good ? id : std::string{};
  }
  return {};
}

}  // namespace

Status OriginalMessage::read_piece(std::uint64_t at, std::string& piece) const {
  piece.resize(std::min(piece_size, length_ - at));
  return pread_exactly(fd_, piece, static_cast<off_t>(Frame::size + at));
}

Result<OriginalMessage> OriginalMessage::read(int fd, const Frame& frame, const Envelope& envelope, std::uint64_t most) {
  OriginalMessage original{fd, envelope.header_lines};
  std::string start(std::min(frame.message_length, longest_header), '\0');
  TRY(pread_exactly(fd, start, static_cast<off_t>(Frame::size)));
  HeaderEnd end;
  if (!end.find_in(start)) end.finish(start);
  start.resize(end.header_length());
  original.message_id_ = message_id_in(start);

  if (frame.message_length <= most && most > 0) {
    original.length_ = frame.message_length;
    original.is_whole_ = TRY(original.look_through());
    if (original.is_whole_) return original;
    original.length_ = 0;
  }
  original.lines_ = tame(original.lines_ + start);
  original.has_eight_bit_ = !is_all_ascii(original.lines_);
  return original;
}

Result<bool> OriginalMessage::look_through() {
  LineWatch watch;
  TRY(stream([&](std::string_view piece) -> Status {
    if (!is_all_ascii(piece)) has_eight_bit_ = true;
    watch.look_at(piece);
    return Done{};
  }));
  return watch.is_good();
}

Result<std::string> OriginalMessage::boundary() const {
  for (;;) {
    std::uint64_t chance[2];
    if (getrandom(chance, sizeof chance, 0) != static_cast<ssize_t>(sizeof chance)) return system_error("getrandom");
    std::string const text = "=_" + base32(chance[0], 12) + base32(chance[1], 12);
    bool is_found = false;
    std::string tail;  // what may begin at the end of one piece and go on in the next
    TRY(stream([&](std::string_view piece) -> Status {
      tail += piece;
      is_found = is_found || tail.find(text) != std::string::npos;
      if (tail.size() > text.size()) tail.erase(0, tail.size() - text.size());
      return Done{};
    }));
    if (!is_found) return text;
  }
}

Result<bool> has_line_beginning(int fd, const Frame& frame, std::string_view start) {
  std::string const wanted = '\n' + std::string{start};
  std::string text{"\n"};  // the first line begins behind one, too
  std::string piece;
  for (std::uint64_t at = 0; at < frame.message_length; at += piece.size()) {
    piece.resize(std::min(piece_size, frame.message_length - at));
    TRY(pread_exactly(fd, piece, static_cast<off_t>(Frame::size + at)));
    text += piece;
    if (text.find(wanted) != std::string::npos) return true;
    if (text.size() > wanted.size()) text.erase(0, text.size() - wanted.size());
  }
  return false;
}

}  // namespace postern
