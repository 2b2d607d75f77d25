// Headers of any bytes: reader and end finder agree at every split, fields are the text again, and all stays in bounds.
#include "lib/mail/header.h"

#include <stdlib.h>

#include "lib/mail/envelope.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  HeaderReader reader{text};
  std::string joined, written;
  while (auto const field = reader.next()) {
    if (field->name().empty() || field->raw().find(field->name()) != 0 || !field->raw().ends_with(field->body())) abort();
    joined += field->raw();
    append_field(written, field->name(), field->unfolded());
  }
  if (joined != text.substr(0, reader.offset())) abort();
  std::size_t const piece = size == 0 ? 1 : 1 + data[0] % 16;
  HeaderEnd end;
  bool is_found = false;
  for (std::size_t length = 0; length < size && !is_found;) {
    length = std::min(size, length + piece);
    is_found = end.find_in(text.substr(0, length));
  }
  if (!is_found) end.finish(text);
  if (end.header_length() != reader.offset()) abort();
  if (end.body_start() != end.header_length() && text.substr(end.header_length(), end.body_start() - end.header_length()) != "\n")
    abort();
  HeaderReader again{written};  // what is written has the same names, and no other
  HeaderReader first{text};
  while (auto const field = first.next()) {
    auto const copy = again.next();
    if (!copy || copy->name() != field->name()) abort();
  }
  if (again.next() || again.offset() != written.size()) abort();
  (void)are_header_lines(text);
  return 0;
}
