// header - the fields in front of a message (RFC 5322 §2.2, §3.6, and the obsolete forms of §4.5)
//
// Lines end in LF, as everywhere behind smtpd and inject. A line is a field when it is printable ASCII, a colon and
// anything ("Subject : x" counts); one that begins with a blank goes on with the field above it, even when it holds
// nothing else (RFC 5322 A.6.3). The header ends at the first empty line, which belongs to neither side, or in front of
// the first line that is no field: whoever wrote that left out the empty line. CR, NUL and bytes from 0x80 on are data.
// Everything here looks at a byte once.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace postern {

// One field: a view into the text that it was read from.
class Field {
 public:
  std::string_view name() const { return raw_.substr(0, name_length_); }
  std::string_view raw() const { return raw_; }                       // all of it, folds and line ends included
  std::string_view body() const { return raw_.substr(body_start_); }  // behind the colon, likewise
  std::string unfolded() const;                                       // the body on one line, without blanks at its ends
  bool is(std::string_view name) const;                               // case does not matter

 private:
  friend class HeaderReader;
  Field(std::string_view raw, std::size_t name_length, std::size_t body_start)
      : raw_(raw), name_length_(name_length), body_start_(body_start) {}
  std::string_view raw_;
  std::size_t name_length_;
  std::size_t body_start_;
};

// The fields of a text, one after the other, until the header ends.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : text_(text) {}
  std::optional<Field> next();
  std::size_t offset() const { return offset_; }  // behind the last field that next() gave

 private:
  std::string_view text_;
  std::size_t offset_ = 0;
};

// Finds where a header ends while the message comes in piece by piece: the one place that says so.
class HeaderEnd {
 public:
  // `text` is what it was at the last call and more behind it. True once the end is known; not asked again then.
  bool find_in(std::string_view text);
  void finish(std::string_view text);                    // nothing comes behind `text`
  std::size_t header_length() const { return header_; }  // bytes of all fields; what is known so far before the end
  std::size_t body_start() const { return body_; }       // behind the empty line, or where the fields end

 private:
  bool take_line(std::string_view line);
  std::size_t searched_ = 0;
  std::size_t header_ = 0;
  std::size_t body_ = 0;
};

// Where the colon of a field's first line is; npos when it is no field. Blanks may stand in front of the colon.
std::size_t find_field_colon(std::string_view line);

// "Name: text" and a line end, folded at blanks so that lines keep below 78 characters where they can (RFC 5322
// §2.1.1). CR, LF and NUL in `text` become blanks, so that it stays one field whatever it holds.
void append_field(std::string& header, std::string_view name, std::string_view text);

}  // namespace postern
