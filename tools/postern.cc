// postern - the one name for Postern's tools: `postern user add alice` runs `user add alice`
//
// run by   the operator
// fds      0 1 2 the tool's
// files    none                         starts  the tool of that name that lies beside it
// exits    the tool's; 100 there is no such tool
// see      postern(1)
#include <unistd.h>

#include <array>

#include "lib/os/io.h"
#include "lib/os/program.h"

namespace postern {
namespace {

struct Tool {
  std::string_view name;
  std::string_view meaning;
};

constexpr Tool tools[] = {
    {"user", "add, rename, remove and list mailboxes; passwords and quotas"},
    {"domain", "add, remove and list the domains that have mailboxes here"},
    {"queue", "see, hold, delete and flush queued messages; pause; follow one through the logs"},
    {"cert", "install, list and remove certificates of TLS"},
    {"dnsq", "ask DNS, as the mail system does"},
    {"status", "what runs and what waits"},
    {"maildirmake", "make a Maildir"},
};

Status show_usage() {
  std::string text{"usage: postern TOOL [--dir DIR] [WORD]...\n"};
  for (const Tool& tool : tools) {
    text += "  ";
    text += tool.name;
    text.append(14 - tool.name.size(), ' ');
    text += tool.meaning;
    text += '\n';
  }
  return write_all(1, text);
}

Result<std::string> own_directory() {
  std::array<char, 4096> room;
  ssize_t const length = readlink("/proc/self/exe", room.data(), room.size());
  if (length < 0) return system_error("read /proc/self/exe");
  std::string_view const path{room.data(), static_cast<std::size_t>(length)};
  return std::string{path.substr(0, path.rfind('/') + 1)};
}

// Becomes the tool; returns only why it could not.
Error become(std::string path, const Args& args) {
  std::vector<std::string> words{path}, variables;
  for (std::size_t i = 1; i < args.arguments.size(); ++i) words.emplace_back(args.arguments[i]);
  for (const auto& [name, value] : args.environment) variables.push_back(std::string{name} + "=" + std::string{value});
  std::vector<char*> word_list, variable_list;
  for (std::string& word : words) word_list.push_back(word.data());
  for (std::string& variable : variables) variable_list.push_back(variable.data());
  word_list.push_back(nullptr);
  variable_list.push_back(nullptr);
  execve(path.c_str(), word_list.data(), variable_list.data());
  return Error{Fate::permanent, "start", path, errno};
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  std::string const directory = TRY(own_directory());
  TRY(confine());
  if (args.arguments.empty()) return permanent("usage: postern TOOL [WORD]...; 'postern help' names the tools");
  if (args.arguments[0] == "help" || args.arguments[0] == "--help") return show_usage();
  for (const Tool& tool : tools)
    if (tool.name == args.arguments[0]) return become(directory + std::string{tool.name}, args);
  return permanent("no such tool; 'postern help' names them:", args.arguments[0]);
}
