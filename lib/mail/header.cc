#include "lib/mail/header.h"

#include "lib/core/ascii.h"

namespace postern {
namespace {

constexpr std::size_t good_line = 78;

std::size_t line_length(std::string_view text) {
  std::size_t const end = text.find('\n');
  return end == std::string_view::npos ? text.size() : end + 1;
}

bool is_fold(std::string_view line) { return !line.empty() && is_blank(line.front()); }

}  // namespace

std::size_t find_field_colon(std::string_view line) {
  std::size_t i = 0;
  while (i < line.size() && is_graphic(line[i]) && line[i] != ':') ++i;
  if (i == 0) return std::string_view::npos;
  while (i < line.size() && is_blank(line[i])) ++i;
  return i < line.size() && line[i] == ':' ? i : std::string_view::npos;
}

bool Field::is(std::string_view wanted) const { return equal_ignoring_case(name(), wanted); }

std::string Field::unfolded() const {
  std::string text;
  for (char const c : trimmed(body()))
    if (c != '\n') text += c;
  return text;
}

std::optional<Field> HeaderReader::next() {
  std::string_view const rest = text_.substr(offset_);
  std::size_t length = line_length(rest);
  std::size_t const colon = find_field_colon(rest.substr(0, length));
  if (colon == std::string_view::npos) return std::nullopt;
  std::size_t name_length = colon;
  while (is_blank(rest[name_length - 1])) --name_length;
  while (is_fold(rest.substr(length))) length += line_length(rest.substr(length));
  offset_ += length;
  return Field{rest.substr(0, length), name_length, colon + 1};
}

// True: the line ends the header.
bool HeaderEnd::take_line(std::string_view line) {
  bool const is_more = is_fold(line) ? header_ > 0 : find_field_colon(line) != std::string_view::npos;
  if (is_more) {
    header_ += line.size();
    body_ = header_;
    return false;
  }
  body_ = header_ + (line == "\n" ? 1 : 0);
  return true;
}

bool HeaderEnd::find_in(std::string_view text) {
  for (;;) {
    std::size_t const end = text.find('\n', searched_);
    if (end == std::string_view::npos) break;
    searched_ = end + 1;
    if (take_line(text.substr(header_, searched_ - header_))) return true;
  }
  searched_ = text.size();
  return false;
}

void HeaderEnd::finish(std::string_view text) {
  if (header_ < text.size()) take_line(text.substr(header_));
}

void append_field(std::string& header, std::string_view name, std::string_view text) {
  std::string line{name};
  line += ':';
  for (std::string_view rest = text; !rest.empty();) {
    std::size_t const start = rest.find_first_not_of(std::string_view{" \t\r\n\0", 5});
    if (start == std::string_view::npos) break;
    rest.remove_prefix(start);
    std::size_t const end = rest.find_first_of(std::string_view{" \t\r\n\0", 5});
    std::string_view const word = rest.substr(0, end);
    rest.remove_prefix(word.size());
    if (line.back() != ':' && line.size() + 1 + word.size() > good_line) {
      header += line;
      header += '\n';
      line.clear();
    }
    line += ' ';
    line += word;
  }
  header += line;
  header += '\n';
}

}  // namespace postern
