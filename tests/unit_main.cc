// unit_main - Catch2's main for all unit tests, and what lib expects of a program
#define CATCH_CONFIG_MAIN
#include <unistd.h>

#include <catch2/catch.hpp>
#include <optional>
#include <string_view>

#include "lib/os/program.h"

namespace postern {

const std::string_view program_name = "units";

void exit_program(int code) { _exit(code); }

std::optional<std::string_view> Args::variable(std::string_view name) const {
  for (const auto& [key, value] : environment)
    if (key == name) return value;
  return std::nullopt;
}

}  // namespace postern
