#include "smtpd/message_watch.h"

#include "lib/core/ascii.h"

namespace postern {
namespace {

constexpr std::size_t line_head_most = 128;  // longer than any field's name in use

// "Name:", with the blanks before the colon that RFC 5322 §4.5 still has to be read.
bool is_field(std::string_view line) {
  std::size_t const colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  std::string_view const name = trimmed(line.substr(0, colon));
  if (name.empty()) return false;
  for (char const c : name)
    if (!is_graphic(c)) return false;
  return true;
}

bool is_hop(std::string_view line) {
  std::string_view const name = trimmed(line.substr(0, line.find(':')));
  return equal_ignoring_case(name, "Received") || equal_ignoring_case(name, "Delivered-To");
}

}  // namespace

void MessageWatch::see(std::string_view text) {
  while (!text.empty() && refusal_.empty()) {
    std::size_t const end = text.find('\n');
    see_in_line(text.substr(0, end));
    if (end == std::string_view::npos) return;
    end_line();
    text.remove_prefix(end + 1);
  }
}

void MessageWatch::see_in_line(std::string_view bytes) {
  line_bytes_ += bytes.size();
  if (line_bytes_ > rules_.line_bytes) refusal_ = "554 5.6.0 A line of the message is too long";
  if (!is_in_header_) return;
  header_bytes_ += bytes.size();
  if (header_bytes_ > rules_.header_bytes) refusal_ = "552 5.3.4 The message's header is too large";
  line_head_ += bytes.substr(0, line_head_most - line_head_.size());
}

void MessageWatch::end_line() {
  line_bytes_ = 0;
  if (!is_in_header_) return;
  ++header_bytes_;
  bool const is_fold = !line_head_.empty() && is_blank(line_head_.front());
  if (!is_fold) is_in_header_ = is_field(line_head_);
  if (is_in_header_ && !is_fold && is_hop(line_head_) && ++hops_ > rules_.hops)
    refusal_ = "554 5.4.6 Too many Received and Delivered-To fields: the message is looping";
  line_head_.clear();
}

}  // namespace postern
