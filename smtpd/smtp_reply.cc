#include "smtpd/smtp_reply.h"

#include "lib/core/ascii.h"
#include "lib/os/io.h"

namespace postern {
namespace {

// "4.3.1 text": an enhanced code of this class, a space, and text without control characters.
bool is_reason(std::string_view text, char code_class) {
  constexpr std::string_view shape = "0.0.0 ";
  constexpr std::size_t longest = 400;
  if (text.size() <= shape.size() || text.size() > longest || text.front() != code_class) return false;
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] == '0' ? !is_digit(text[i]) : shape[i] != text[i]) return false;
  for (char const c : text)
    if (is_control(c) || is_eight_bit(c)) return false;
  return true;
}

}  // namespace

void ReplyWriter::say(std::string_view line) {
  waiting_ += line;
  waiting_ += "\r\n";
}

Status ReplyWriter::flush(Deadline deadline) {
  if (waiting_.empty()) return Done{};
  Status status = write_all(fd_, waiting_, deadline);
  waiting_.clear();
  return status;
}

std::string reply_of(const QueueAnswer& answer) {
  if (answer.id) return "250 2.0.0 Ok: queued as " + answer.id->text();
  if (answer.fate == Fate::permanent) {
    if (!is_reason(answer.text, '5')) return "554 5.3.0 The queue does not take this message";
    return (answer.text.starts_with("5.3.4") ? "552 " : "554 ") + answer.text;
  }
  if (!is_reason(answer.text, '4')) return "451 4.3.0 The queue does not take this message now";
  return (answer.text.starts_with("4.3.1") ? "452 " : "451 ") + answer.text;
}

}  // namespace postern
