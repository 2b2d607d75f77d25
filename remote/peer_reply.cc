#include "remote/peer_reply.h"

#include <sys/socket.h>

#include <algorithm>

#include "lib/core/ascii.h"
#include "lib/core/number.h"
#include "lib/os/io.h"

namespace postern {
namespace {

constexpr std::size_t code_length = 3;
constexpr std::size_t text_most = 400;  // bytes: with the host's name in front of it a report holds it

struct StatusOfCode {
  unsigned code;
  std::string_view status;
};
// What a server most likely means that gives no enhanced code (RFC 3463, and RFC 7504 for 521 and 556).
constexpr StatusOfCode statuses[] = {
    {421, "4.3.2"}, {450, "4.2.0"}, {451, "4.3.0"}, {452, "4.3.1"}, {454, "4.7.0"}, {455, "4.5.4"},  {500, "5.5.2"},
    {501, "5.5.4"}, {502, "5.5.1"}, {503, "5.5.1"}, {504, "5.5.4"}, {521, "5.3.2"}, {530, "5.7.0"},  {534, "5.7.9"},
    {535, "5.7.8"}, {551, "5.1.6"}, {552, "5.3.4"}, {553, "5.1.3"}, {555, "5.5.4"}, {556, "5.1.10"},
};

std::string_view status_of(unsigned code) {
  for (const StatusOfCode& known : statuses)
    if (known.code == code) return known.status;
  return code >= 500 ? "5.0.0" : code >= 400 ? "4.0.0" : "2.0.0";
}

// The enhanced code at the front of `text`, or nothing: class.subject.detail, of the reply's class (RFC 2034 §4).
std::string_view leading_status(std::string_view text, unsigned code) {
  constexpr std::size_t most_digits = 3;
  if (text.size() < 5 || text[0] != static_cast<char>('0' + code / 100) || text[1] != '.') return {};
  std::size_t at = 2;
  for (int part = 0; part < 2; ++part) {
    std::size_t const start = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    if (at == start || at - start > most_digits) return {};
    if (part == 0 && (at == text.size() || text[at++] != '.')) return {};
  }
  return at == text.size() || is_blank(text[at]) ? text.substr(0, at) : std::string_view{};
}

std::string harmless(std::string_view text) {
  std::string copy{text};
  bool const is_utf8 = is_valid_utf8(copy);
  for (char& c : copy)
    if (is_control(c) || (!is_utf8 && is_eight_bit(c))) c = c == '\t' ? ' ' : '?';
  return copy;
}

Status check_head(std::string_view line) {
  bool const is_code = line.size() >= code_length && line[0] >= '2' && line[0] <= '5' && is_digit(line[1]) && is_digit(line[2]);
  if (!is_code || (line.size() > code_length && line[code_length] != ' ' && line[code_length] != '-'))
    return permanent("it answered what is no SMTP reply");
  return Done{};
}

std::string_view without_line_end(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool has_more(std::string_view line) { return line.size() > code_length && line[code_length] == '-'; }

}  // namespace

Result<std::size_t> ReplyEnd::find_in(std::string_view text) {
  for (;;) {
    std::size_t const end = text.find('\n', searched_);
    searched_ = std::min(end, text.size());
    std::string_view const line = text.substr(line_, searched_ - line_);
    if (line.size() > longest_reply_line) return permanent("it answered with a line that is too long");
    if (searched_ > longest_reply) return permanent("it answered without end");
    if (end == std::string_view::npos) return std::size_t{0};
    TRY(check_head(without_line_end(line)));
    if (++lines_ > most_reply_lines) return permanent("it answered without end");
    line_ = ++searched_;
    if (!has_more(without_line_end(line))) return line_;
  }
}

Result<PeerReply> PeerReply::parse(Wire wire) {
  std::string_view rest = wire.bytes();
  if (TRY(ReplyEnd{}.find_in(rest)) != rest.size() || rest.empty()) return permanent("it answered half a reply");
  PeerReply reply;
  while (!rest.empty()) {
    std::size_t const end = rest.find('\n') + 1;
    std::string_view line = without_line_end(rest.substr(0, end));
    rest.remove_prefix(end);
    auto const code = static_cast<unsigned>(TRY(parse_number(Wire{line.substr(0, code_length)}, 599)));
    if (!reply.lines_.empty() && code != reply.code_) return permanent("it answered with two codes at once");
    reply.code_ = code;
    line.remove_prefix(std::min(line.size(), code_length + 1));
    reply.lines_.push_back(harmless(line));
  }
  std::string_view const status = leading_status(reply.lines_.front(), reply.code_);
  reply.has_status_ = !status.empty();
  reply.status_ = status.empty() ? status_of(reply.code_) : status;
  return reply;
}

std::string PeerReply::text() const {
  std::string text = decimal(code_);
  for (std::size_t i = 0; i < lines_.size() && text.size() <= text_most; ++i) {
    std::string_view line = lines_[i];
    if (i > 0 && has_status_ && leading_status(line, code_) == status_) line = trimmed(line.substr(status_.size()));
    if (line.empty()) continue;
    text += i > 0 ? " / " : " ";
    text += line;
  }
  if (text.size() > text_most) {
    std::size_t end = text_most;
    while ((static_cast<unsigned char>(text[end]) & 0xc0u) == 0x80) --end;  // not inside a character
    text.resize(end);
  }
  return text;
}

bool ReplyReader::has_anything() {
  if (!waiting_.empty()) return true;
  char byte;
  ssize_t const got = recv(fd_, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
  if (got < 0 && errno != EAGAIN && errno != EINTR) failed_ = errno;  // the kernel tells it once
  return got >= 0 || failed_ != 0;
}

bool ReplyReader::has_bytes() {
  char byte;
  return !waiting_.empty() || recv(fd_, &byte, 1, MSG_DONTWAIT | MSG_PEEK) > 0;
}

Result<PeerReply> ReplyReader::next(Deadline deadline) {
  ReplyEnd end;
  for (;;) {
    std::size_t const length = TRY(end.find_in(waiting_));
    if (length != 0) {
      auto reply = PeerReply::parse(Wire{std::string_view{waiting_}.substr(0, length)});
      waiting_.erase(0, length);
      return reply;
    }
    if (failed_ != 0) return Error{Fate::temporary, "receive", {}, failed_};
    char room[4096];
    std::size_t const got = TRY(read_some(fd_, room, deadline));
    if (got == 0) return Error{Fate::temporary, "it closed the connection", {}, ECONNRESET};
    waiting_.append(room, got);
  }
}

}  // namespace postern
