// unit_main - Catch2's main for all unit tests, and what lib expects of a program
#define CATCH_CONFIG_MAIN
#include <signal.h>
#include <sys/stat.h>
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

namespace {

// As lib/os/main.cc leaves it for a program.
[[maybe_unused]] bool const is_prepared = [] {
  umask(0);
  return signal(SIGPIPE, SIG_IGN) != SIG_ERR;
}();

}  // namespace
}  // namespace postern
