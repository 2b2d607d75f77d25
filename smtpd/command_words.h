// command_words - the words that SMTP commands are made of: verb, path, parameter (RFC 5321 §4.1.1, §4.1.2)
#pragma once

#include <string_view>

#include "lib/core/ascii.h"
#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

// One command as it was sent: a verb and what follows it, without blanks at the ends.
struct CommandLine {
  std::string_view verb;
  std::string_view argument;

  // `line` ends in CRLF and holds no other control character, nor bytes that are not UTF-8; else an Error that is the
  // reply.
  static Result<CommandLine> parse(Wire line);
};

// "KEYWORD=value" or "KEYWORD"
struct Parameter {
  std::string_view keyword;
  std::string_view value;
  bool has_value;

  bool is(std::string_view name) const { return equal_ignoring_case(keyword, name); }
};

// What stands in the angle brackets at the front of `rest`, without a source route (RFC 5321 appendix C: ignored); the
// bracket is followed by a space or nothing.
Result<std::string_view> take_path(std::string_view& rest);
// The next parameter, behind at least one space.
Result<Parameter> take_parameter(std::string_view& rest);

}  // namespace postern
