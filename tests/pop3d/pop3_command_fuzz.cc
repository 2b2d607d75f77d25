// Lines of a POP3 client, of any bytes: what is taken for a command lies in the line, and numbers are in their bounds.
#include "pop3d/pop3_command.h"

#include <stdlib.h>

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const line{reinterpret_cast<const char*>(data), size};
  auto const command = Pop3Command::parse(Wire{line});
  if (!command) return 0;
  if (command->verb.empty() || !line.starts_with(command->verb)) abort();
  if (line.find(command->argument) == std::string_view::npos || command->argument.find('\n') != std::string_view::npos) abort();
  if (auto const number = message_number(command->argument); number && *number == 0) abort();
  if (auto const both = message_and_lines(command->argument); both && both->first == 0) abort();
  return 0;
}
