#include "tools/tool_words.h"

#include <unistd.h>

#include "lib/os/directory.h"

namespace postern {

Result<ToolWords> ToolWords::read(const Args& args) {
  ToolWords words;
  words.directory_ = args.variable("POSTERN_DIR").value_or("/var/postern");
  for (std::size_t i = 0; i < args.arguments.size(); ++i) {
    if (args.arguments[i] != "--dir") {
      words.words_.push_back(args.arguments[i]);
    } else if (++i < args.arguments.size()) {
      words.directory_ = args.arguments[i];
    } else {
      return permanent("--dir: no directory behind it");
    }
  }
  return words;
}

Result<std::string_view> ToolWords::value_of(std::string_view option) {
  if (is_empty() || words_[at_].starts_with("--")) return permanent("no value behind", option);
  return words_[at_++];
}

Result<std::string> enter_directory(const std::string& directory) {
  if (chdir(directory.c_str()) != 0)
    return Error{Fate::permanent, "enter Postern's directory (name it with --dir DIR or POSTERN_DIR)", directory, errno};
  if (access("control", F_OK) != 0)
    return permanent("this is not Postern's directory, it has no control/ (name it with --dir DIR or POSTERN_DIR):", directory);
  return current_directory();
}

}  // namespace postern
