#include "tools/user_options.h"

#include "lib/core/ascii.h"
#include "tools/tool_words.h"

namespace postern {
namespace {

Result<UserCommand> command_named(std::string_view word) {
  if (word == "add") return UserCommand::add;
  if (word == "del") return UserCommand::del;
  if (word == "list") return UserCommand::list;
  if (word == "passwd") return UserCommand::passwd;
  if (word == "rebuild") return UserCommand::rebuild;
  return permanent("usage: user add|del|passwd NAME, or user list|rebuild; see user(8)");
}

// Absolute and plain, so that what lies inside what can be seen from the text.
Result<std::string> parse_home(std::string_view text) {
  if (text.size() < 2 || text.front() != '/') return permanent("--home: not an absolute path:", text);
  while (text.ends_with('/')) text.remove_suffix(1);
  for (char const c : text)
    if (is_control(c) || c == ':') return permanent("--home: a colon or control character in", text);
  for (std::string_view rest = text; !rest.empty();) {
    rest.remove_prefix(1);
    std::string_view const step = rest.substr(0, rest.find('/'));
    if (step.empty() || step == "." || step == "..") return permanent("--home: write it without empty, . and .. steps:", text);
    rest.remove_prefix(step.size());
  }
  return std::string{text};
}

Status read_option(UserOptions& options, std::string_view word, ToolWords& words) {
  bool const adds = options.command == UserCommand::add;
  if (adds && word == "--home") {
    options.home = TRY(parse_home(TRY(words.value_of(word))));
  } else if (adds && word == "--uid") {
    options.uid = TRY(Uid::parse(Wire{TRY(words.value_of(word))}));
  } else if (adds && word == "--gid") {
    options.gid = TRY(Gid::parse(Wire{TRY(words.value_of(word))}));
  } else if (adds && word == "--system") {
    options.is_system = true;
  } else if (options.command == UserCommand::list && word == "--json") {
    options.is_json = true;
  } else if (options.command == UserCommand::del && word == "--remove-mail") {
    options.removes_mail = true;
  } else {
    return permanent("this command has no option like that; see user(8):", word);
  }
  return Done{};
}

}  // namespace

Result<UserOptions> UserOptions::parse(const Args& args) {
  ToolWords words = TRY(ToolWords::read(args));
  UserOptions options{
      .command = TRY(command_named(words.next())), .login = {}, .directory = words.directory(), .home = {}, .uid = {}, .gid = {}};
  bool const needs_name = options.command != UserCommand::list && options.command != UserCommand::rebuild;
  while (!words.is_empty()) {
    std::string_view const word = words.next();
    if (word.starts_with("--"))
      TRY(read_option(options, word, words));
    else if (needs_name && !options.login)
      options.login = TRY(Login::parse(Wire{word}));
    else
      return permanent("one word too many:", word);
  }
  if (needs_name && !options.login)
    return permanent("usage: user add|del|passwd NAME, where NAME is alice or info@example.org; see user(8)");
  if (options.uid.has_value() != options.gid.has_value()) return permanent("--uid and --gid go together");
  if (options.is_system && (options.uid || !options.home.empty()))
    return permanent("--system takes uid, gid and home from /etc/passwd; leave out the others");
  if (options.is_system && options.login->is_virtual()) return permanent("--system: a system user has no @ in the name");
  return options;
}

}  // namespace postern
