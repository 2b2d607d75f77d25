#include "tools/user_assign.h"

#include <cdb.h>

#include <array>
#include <unordered_set>

#include "lib/core/ascii.h"
#include "lib/core/number.h"

namespace postern {
namespace {

constexpr std::size_t longest_name = 400;  // users.cc asks for no longer one

Result<Assignment> parse_line(std::string_view line, std::string_view where) {
  for (char const c : line)
    if (is_control(c)) return permanent("control character in", where);
  if (line.empty() || (line.front() != '=' && line.front() != '+'))
    return permanent("neither = nor + nor a single dot in", where);
  std::array<std::string_view, 7> fields;
  std::string_view rest = line.substr(1);
  for (std::string_view& field : fields) {
    std::size_t const end = rest.find(':');
    if (end == std::string_view::npos) return permanent("fewer than seven fields, each with a colon behind it, in", where);
    field = rest.substr(0, end);
    rest.remove_prefix(end + 1);
  }
  if (!rest.empty()) return permanent("something behind the seventh colon in", where);
  auto const& [name, user, uid, gid, home, dash, extension] = fields;
  bool const is_prefix = line.front() == '+';
  if ((name.empty() && !is_prefix) || name.size() > longest_name) return permanent("empty or too long name in", where);
  if (user.empty()) return permanent("empty user in", where);
  auto const user_id = Uid::parse(Wire{uid});
  if (!user_id) return permanent("a uid that is no number above 0 in", where);
  auto const group_id = Gid::parse(Wire{gid});
  if (!group_id) return permanent("a gid that is no number above 0 in", where);
  if (home.empty() || home.front() != '/') return permanent("a home that is no absolute path in", where);
  if (dash.size() > 1) return permanent("a dash of more than one character in", where);
  return Assignment{is_prefix, to_lower(name),
                    Mailbox{std::string{user}, user_id->number(), group_id->number(), std::string{home}, std::string{dash},
                            std::string{extension}}};
}

std::string key_of(const Assignment& line) {
  std::string key = "!" + line.name;
  if (!line.is_prefix) key += '\0';
  return key;
}

std::string joined(const Mailbox& mailbox, char separator) {
  std::string text = mailbox.user;
  text += separator;
  append_decimal(text, mailbox.uid);
  text += separator;
  append_decimal(text, mailbox.gid);
  for (const std::string* const field : {&mailbox.home, &mailbox.dash, &mailbox.extension}) {
    text += separator;
    text += *field;
  }
  return text;
}

Status add_record(cdb_make& database, std::string_view key, std::string_view value) {
  if (cdb_make_add(&database, key.data(), static_cast<unsigned>(key.size()), value.data(), static_cast<unsigned>(value.size())) !=
      0)
    return system_error("write users/cdb");
  return Done{};
}

}  // namespace

Result<Assignments> Assignments::parse(Wire wire) {
  Assignments assignments;
  std::unordered_set<std::string> keys;
  std::string_view rest = wire.bytes();
  for (std::uint64_t number = 1; !rest.empty(); ++number) {
    std::string const where = "users/assign line " + decimal(number);
    std::size_t const end = rest.find('\n');
    if (end == std::string_view::npos) return permanent("no newline at the end of", where);
    std::string_view const line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (line == ".") {
      if (!rest.empty()) return permanent("more lines behind the single dot of", where);
      return assignments;
    }
    Assignment assignment = TRY(parse_line(line, where));
    if (!keys.insert(key_of(assignment)).second) return permanent("this name has a line already; remove", where);
    assignments.lines_.push_back(std::move(assignment));
  }
  return permanent("users/assign: its last line is not a single dot; part of it may be missing");
}

std::string Assignments::encoded() const {
  std::string text;
  for (const Assignment& line : lines_) {
    text += line.is_prefix ? '+' : '=';
    text += line.name;
    text += ':';
    text += joined(line.mailbox, ':');
    text += ":\n";
  }
  return text += ".\n";
}

Status Assignments::compile(int file, const Quotas& quotas) const {
  cdb_make database;
  if (cdb_make_start(&database, file) != 0) return system_error("write users/cdb");
  std::string last_characters;
  for (const Assignment& line : lines_) {
    TRY(add_record(database, key_of(line), joined(line.mailbox, '\0')));
    if (line.is_prefix && !line.name.empty() && last_characters.find(line.name.back()) == std::string::npos)
      last_characters += line.name.back();
  }
  TRY(add_record(database, "", last_characters));
  for (const QuotaLine& line : quotas.lines()) TRY(add_record(database, quota_key(line.user), line.quota.encoded()));
  if (cdb_make_finish(&database) != 0) return system_error("write users/cdb");
  return Done{};
}

void Assignments::add(const std::string& local_name, const Mailbox& mailbox) {
  lines_.push_back(Assignment{false, local_name, mailbox});
  lines_.push_back(Assignment{true, local_name + "+", mailbox});
  lines_.back().mailbox.dash = "+";
}

void Assignments::remove(std::string_view user) {
  std::erase_if(lines_, [&](const Assignment& line) { return line.mailbox.user == user; });
}

Status Assignments::rename(const Place& from, const Place& to) {
  std::vector<Assignment> renamed = lines_;
  std::unordered_set<std::string> keys;
  for (Assignment& line : renamed) {
    Mailbox& mailbox = line.mailbox;
    if (mailbox.user == from.user) {
      mailbox.user = to.user;
      if (line.name == (line.is_prefix ? from.local_name + mailbox.dash : from.local_name))
        line.name.replace(0, from.local_name.size(), to.local_name);
      if (mailbox.home == from.home || mailbox.home.starts_with(from.home + "/"))
        mailbox.home.replace(0, from.home.size(), to.home);
    }
    if (!keys.insert(key_of(line)).second) return permanent("another mailbox has this name already:", line.name);
  }
  lines_ = std::move(renamed);
  return Done{};
}

bool Assignments::has_name(std::string_view name) const {
  std::string const prefix = std::string{name} + "+";
  for (const Assignment& line : lines_)
    if (line.is_prefix ? line.name == prefix : line.name == name) return true;
  return false;
}

const Assignment* Assignments::find_user(std::string_view user) const {
  for (const Assignment& line : lines_)
    if (line.mailbox.user == user) return &line;
  return nullptr;
}

}  // namespace postern
