// tcpbind - bind a TCP address and port, and become a program that has the listening socket on descriptor 0
//
// usage    tcpbind ADDRESS PORT program [argument ...]
// run by   a service's run script or an operator, as root where the port is below 1024
// fds      0>listening socket   2>errors   others, and the environment, go on to the program
// starts   the program in its arguments, in its own place; without a slash it is looked for along PATH
// exits    100 usage   111 cannot bind, or cannot start the program
// see      tcpbind(8)
#include <unistd.h>

#include "lib/net/tcp.h"
#include "lib/os/program.h"

using namespace postern;

namespace {

// The environment as it came: a chain loader hands it on.
std::vector<std::string> entries_of(const Args& args) {
  std::vector<std::string> entries;
  for (const auto& [name, value] : args.environment) {
    std::string& entry = entries.emplace_back(name);
    entry += '=';
    entry += value;
  }
  return entries;
}

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

Error exec(const std::vector<std::string>& words, const Args& args) {
  std::vector<std::string> const entries = entries_of(args);
  std::vector<char*> const argv = pointers_to(words), environment = pointers_to(entries);
  const std::string& name = words.front();
  if (name.find('/') != std::string::npos) {
    execve(name.c_str(), argv.data(), environment.data());
    return system_error("start", name);
  }
  std::string_view path = args.variable("PATH").value_or("/usr/local/bin:/usr/bin:/bin");
  for (;;) {
    std::size_t const end = path.find(':');
    std::string file{path.substr(0, end)};
    if (!file.empty()) {
      file += '/';
      file += name;
      execve(file.c_str(), argv.data(), environment.data());
      if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) return system_error("start", file);
    }
    if (end == std::string_view::npos) return system_error("find along PATH", name);
    path.remove_prefix(end + 1);
  }
}

}  // namespace

Status program(Args args) {
  if (args.arguments.size() < 3) return permanent("usage: tcpbind ADDRESS PORT program [argument ...]");
  auto const endpoint = TRY(parse_endpoint(args.arguments[0], args.arguments[1]));
  Fd const socket = TRY(listen_on(endpoint));
  if (dup2(socket.number(), 0) < 0) return system_error("dup2");
  TRY(confine());
  std::vector<std::string> const words{args.arguments.begin() + 2, args.arguments.end()};
  return exec(words, args);
}
