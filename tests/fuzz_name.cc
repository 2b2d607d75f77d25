// fuzz_name - what lib expects of a program, for the fuzz targets (libFuzzer brings main)
#include <unistd.h>

#include <optional>
#include <string_view>

#include "lib/os/program.h"

namespace postern {

const std::string_view program_name = "fuzz";

void exit_program(int code) { _exit(code); }

std::optional<std::string_view> Args::variable(std::string_view name) const {
  for (const auto& [key, value] : environment)
    if (key == name) return value;
  return std::nullopt;
}

}  // namespace postern
