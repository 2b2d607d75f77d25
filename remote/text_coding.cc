#include "remote/text_coding.h"

#include <string>

#include "lib/core/ascii.h"
#include "remote/message_traits.h"

namespace postern {
namespace {

constexpr std::size_t encoded_line = 76;  // RFC 2045 §6.7 (5), §6.8
constexpr std::size_t enough = 16'384;    // bytes that are handed on at once

bool is_stray(char c) { return c == '\r' || c == '\0'; }

// Gathers what is written byte by byte.
class Gatherer {
 public:
  explicit Gatherer(TextSink& sink) : sink_(sink) {}
  void put(char c) { text_ += c; }
  void put(std::string_view text) { text_ += text; }
  Status flush_if_much() { return text_.size() < enough ? Status{Done{}} : flush(); }
  Status flush() {
    auto status = sink_.add(text_);
    text_.clear();
    return status;
  }

 private:
  TextSink& sink_;
  std::string text_;
};

// One line of quoted-printable under way.
class QuotedLine {
 public:
  explicit QuotedLine(Gatherer& out) : out_(out) {}

  void literal(char c) {
    make_room(1);
    if (column_ == 0 && c == '-') return encode(c);  // lest it become a boundary
    out_.put(c);
    ++column_;
  }
  void encode(char c) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    make_room(3);
    auto const byte = static_cast<unsigned char>(c);
    out_.put('=');
    out_.put(hex[byte >> 4]);
    out_.put(hex[byte & 15]);
    column_ += 3;
  }
  void end_line() {
    out_.put('\n');
    column_ = 0;
  }
  bool has_begun() const { return column_ > 0; }

 private:
  // The last place of a line is for the "=" of a soft break.
  void make_room(std::size_t width) {
    if (column_ + width < encoded_line) return;
    out_.put("=\n");
    column_ = 0;
  }

  Gatherer& out_;
  std::size_t column_ = 0;
};

bool ends_line(std::string_view text, std::size_t at) { return at + 1 == text.size() || text[at + 1] == '\n'; }

bool is_base64(char c) { return is_alnum(c) || c == '+' || c == '/' || c == '=' || is_blank(c); }

// Calls `act` with each line of `text`, without LF.
template <class Act>
Status for_each_line(std::string_view text, Act act) {
  while (!text.empty()) {
    std::size_t const end = text.find('\n');
    TRY(act(text.substr(0, end)));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return Done{};
}

// Where a line of a field that is too long is cut: in front of a blank that has text on both sides; npos: nowhere.
std::size_t fold_at(std::string_view line) {
  std::size_t const text_start = line.find_first_not_of(" \t");
  for (std::size_t at = longest_wire_line; at > 0; --at)
    if (is_blank(line[at]) && at > text_start && at + 1 < line.size() && !is_blank(line[at + 1])) return at;
  return std::string_view::npos;
}

}  // namespace

Status write_quoted_printable(std::string_view text, TextSink& sink) {
  Gatherer out{sink};
  QuotedLine line{out};
  for (std::size_t i = 0; i < text.size(); ++i) {
    char const c = text[i];
    if (c == '\n')
      line.end_line();
    else if ((is_graphic(c) && c != '=') || (is_blank(c) && !ends_line(text, i)))
      line.literal(c);
    else
      line.encode(c);
    TRY(out.flush_if_much());
  }
  if (line.has_begun()) line.end_line();
  return out.flush();
}

Status mend_quoted_printable(std::string_view text, TextSink& sink) {
  Gatherer out{sink};
  TRY(for_each_line(text, [&](std::string_view content) -> Status {
    QuotedLine line{out};
    for (std::size_t i = 0; i < content.size(); ++i) {
      char const c = content[i];
      bool const is_encoded = c == '=' && content.size() - i > 2 && is_hex_digit(content[i + 1]) && is_hex_digit(content[i + 2]);
      if (is_encoded) {
        line.encode(static_cast<char>(hex_value(content[i + 1]) * 16 + hex_value(content[i + 2])));
        i += 2;
      } else if (c == '=' && i + 1 == content.size()) {
        out.put('=');  // its own soft break
      } else if (is_graphic(c) || is_blank(c)) {
        line.literal(c);
      } else {
        line.encode(c);
      }
      TRY(out.flush_if_much());
    }
    line.end_line();
    return out.flush_if_much();
  }));
  return out.flush();
}

bool is_base64_that_can_be_cut(std::string_view text) {
  for (char const c : text)
    if (!is_base64(c) && c != '\n') return false;
  return true;
}

Status cut_base64(std::string_view text, TextSink& sink) {
  return for_each_line(text, [&sink](std::string_view line) -> Status {
    do {
      std::string_view const piece = line.substr(0, line.size() > longest_wire_line ? encoded_line : line.size());
      line.remove_prefix(piece.size());
      TRY(sink.add(piece));
      TRY(sink.add("\n"));
    } while (!line.empty());
    return Done{};
  });
}

Status write_masked(std::string_view text, EightBit eight_bit, TextSink& sink) {
  Gatherer out{sink};
  std::size_t column = 0;
  for (char const c : text) {
    if (c != '\n' && column == longest_wire_line) {
      out.put("\n ");
      column = 1;
    }
    bool const is_unfit = is_stray(c) || (is_eight_bit(c) && eight_bit == EightBit::unfit);
    out.put(is_unfit || (column == 0 && c == '-') ? '?' : c);
    column = c == '\n' ? 0 : column + 1;
    TRY(out.flush_if_much());
  }
  if (column > 0) out.put('\n');
  return out.flush();
}

bool can_be_folded(std::string_view header) {
  return for_each_line(header,
                       [](std::string_view line) -> Status {
                         while (line.size() > longest_wire_line) {
                           std::size_t const at = fold_at(line);
                           if (at == std::string_view::npos) return permanent("a line cannot be folded");
                           line.remove_prefix(at);
                         }
                         return Done{};
                       })
      .has_value();
}

Status write_folded(std::string_view header, TextSink& sink) {
  return for_each_line(header, [&sink](std::string_view line) -> Status {
    while (line.size() > longest_wire_line) {
      std::size_t const at = fold_at(line);
      if (at == std::string_view::npos) return permanent("a line cannot be folded");
      TRY(sink.add(line.substr(0, at)));
      TRY(sink.add("\n"));
      line.remove_prefix(at);
    }
    TRY(sink.add(line));
    return sink.add("\n");
  });
}

}  // namespace postern
