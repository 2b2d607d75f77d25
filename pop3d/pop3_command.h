// pop3_command - a line of a POP3 client taken apart (RFC 1939 §3, RFC 2449 §4)
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

// Views of the line. The argument is all behind the one blank, blanks too: a password may have any.
struct Pop3Command {
  std::string_view verb;
  std::string_view argument;
  bool has_argument = false;

  // With its line end, CRLF or LF. An error: no verb of letters and digits, or a NUL or CR in it.
  static Result<Pop3Command> parse(Wire line);
  bool is(std::string_view name) const;  // in any case
};

// The line without its line end.
std::string_view without_line_end(std::string_view line);

// A message number, 1 or more; or a number and a count of lines.
std::optional<std::uint32_t> message_number(std::string_view argument);
std::optional<std::pair<std::uint32_t, std::uint64_t>> message_and_lines(std::string_view argument);

}  // namespace postern
