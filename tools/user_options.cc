#include "tools/user_options.h"

#include <algorithm>

#include "lib/core/ascii.h"
#include "lib/core/number.h"
#include "lib/mail/passwords.h"
#include "tools/tool_words.h"

namespace postern {
namespace {

constexpr std::size_t longest_app_name = 32;
constexpr std::string_view known_services[] = {"imap", "pop3", "submission"};

Result<UserCommand> command_named(std::string_view word, ToolWords& words) {
  if (word == "add") return UserCommand::add;
  if (word == "del") return UserCommand::del;
  if (word == "rename") return UserCommand::rename;
  if (word == "list") return UserCommand::list;
  if (word == "passwd") return UserCommand::passwd;
  if (word == "disable") return UserCommand::disable;
  if (word == "enable") return UserCommand::enable;
  if (word == "quota") return UserCommand::quota;
  if (word == "rebuild") return UserCommand::rebuild;
  std::string_view const action = word == "apppass" && !words.is_empty() ? words.next() : std::string_view{};
  if (action == "add") return UserCommand::app_add;
  if (action == "del") return UserCommand::app_del;
  if (action == "list") return UserCommand::app_list;
  if (word == "apppass") return permanent("usage: user apppass add|del NAME APP, or user apppass list NAME; see user(8)");
  return permanent(
      "usage: user add|del|passwd|disable|enable|quota NAME, user rename OLD NEW, user apppass ..., or user list|rebuild; see "
      "user(8)");
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

Result<std::vector<std::string>> parse_services(std::string_view text) {
  std::vector<std::string> services;
  for (std::size_t start = 0; start <= text.size();) {
    std::size_t const end = std::min(text.find(',', start), text.size());
    std::string_view const word = text.substr(start, end - start);
    if (std::find(std::begin(known_services), std::end(known_services), word) == std::end(known_services))
      return permanent("--services: imap, pop3 or submission, with commas between them, not", word);
    if (std::find(services.begin(), services.end(), word) != services.end()) return permanent("--services: twice", word);
    services.emplace_back(word);
    start = end + 1;
  }
  return services;
}

Result<std::string> parse_app(std::string_view word) {
  if (!is_flag_word(word) || word.size() > longest_app_name)
    return permanent("the name of an app password is a word of at most 32 characters a-z 0-9 -, not", word);
  return std::string{word};
}

// Bytes, or that many times 1024 for each step of K, M, G and T.
Result<std::uint64_t> parse_size(std::string_view word) {
  constexpr std::string_view units = "KMGT";
  std::size_t const unit = word.empty() ? std::string_view::npos : units.find(word.back());
  if (unit != std::string_view::npos) word.remove_suffix(1);
  unsigned const shift = unit == std::string_view::npos ? 0 : 10 * (static_cast<unsigned>(unit) + 1);
  auto const number = parse_number(Wire{word}, largest_quota_bytes >> shift);
  if (!number)
    return permanent("SIZE is a number of bytes up to 1024T, also with K, M, G or T behind it; 0 for no limit of bytes");
  return *number << shift;
}

// What `quota` takes behind NAME: none, or SIZE [MESSAGES].
Result<Quota> parse_quota(std::string_view word, ToolWords& words) {
  if (word == "none") return Quota{};
  Quota quota;
  quota.bytes = TRY(parse_size(word));
  if (!words.is_empty() && !words.first_left().starts_with("--")) {
    auto const messages = parse_number(Wire{words.next()}, most_quota_messages);
    if (!messages) return permanent("usage: user quota NAME [SIZE [MESSAGES] | none]; see user(8)");
    quota.messages = *messages;
  }
  if (quota.is_none()) return permanent("that limits nothing; if it is meant: user quota NAME none");
  return quota;
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
  } else if (options.command == UserCommand::app_add && word == "--services") {
    options.services = TRY(parse_services(TRY(words.value_of(word))));
  } else if (word == "--json" && (options.command == UserCommand::list || options.command == UserCommand::app_list ||
                                  options.command == UserCommand::quota)) {
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
  UserOptions options{.command = TRY(command_named(words.next(), words)),
                      .login = {},
                      .directory = words.directory(),
                      .home = {},
                      .uid = {},
                      .gid = {},
                      .app = {},
                      .services = {}};
  bool const needs_app = options.command == UserCommand::app_add || options.command == UserCommand::app_del;
  bool const needs_name = options.command != UserCommand::list && options.command != UserCommand::rebuild;
  while (!words.is_empty()) {
    std::string_view const word = words.next();
    if (word.starts_with("--"))
      TRY(read_option(options, word, words));
    else if (needs_name && !options.login)
      options.login = TRY(Login::parse(Wire{word}));
    else if (options.command == UserCommand::rename && !options.new_login)
      options.new_login = TRY(Login::parse(Wire{word}));
    else if (needs_app && options.app.empty())
      options.app = TRY(parse_app(word));
    else if (options.command == UserCommand::quota && !options.quota)
      options.quota = TRY(parse_quota(word, words));
    else
      return permanent("one word too many:", word);
  }
  if (needs_name && !options.login) return permanent("NAME is missing: alice, or info@example.org; see user(8)");
  if (options.command == UserCommand::rename && !options.new_login) return permanent("usage: user rename OLD NEW; see user(8)");
  if (needs_app && options.app.empty()) return permanent("usage: user apppass add|del NAME APP; see user(8)");
  if (options.uid.has_value() != options.gid.has_value()) return permanent("--uid and --gid go together");
  if (options.is_system && (options.uid || !options.home.empty()))
    return permanent("--system takes uid, gid and home from /etc/passwd; leave out the others");
  if (options.is_system && options.login->is_virtual()) return permanent("--system: a system user has no @ in the name");
  return options;
}

}  // namespace postern
