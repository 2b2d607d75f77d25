// command_line - what the one who calls inject asked for
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/core/result.h"
#include "lib/os/program.h"

namespace postern {

// Where the recipients come from: -a, -h, -A (nothing given), -H.
enum class RecipientSource : unsigned char { arguments, header, arguments_else_header, both };
enum class Destination : unsigned char { queue, standard_output };  // -N, -n
enum class Answer : unsigned char { quiet, queue_id };              // -v prints the ID

struct CommandLine {
  RecipientSource source = RecipientSource::arguments_else_header;
  Destination destination = Destination::queue;
  Answer answer = Answer::quiet;
  std::optional<std::string_view> sender;  // -f
  std::string directory = "/var/postern";  // --dir, or POSTERN_DIR
  std::vector<std::string_view> recipients;

  static Result<CommandLine> parse(const Args& args);
  bool takes_arguments() const { return source != RecipientSource::header; }
  bool takes_header() const {
    return source == RecipientSource::header || source == RecipientSource::both ||
           (source == RecipientSource::arguments_else_header && recipients.empty());
  }
};

}  // namespace postern
