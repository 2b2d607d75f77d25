#include "tools/user_list.h"

#include <unordered_map>

#include "lib/core/json_text.h"
#include "lib/core/number.h"
#include "tools/text_table.h"

namespace postern {
namespace {

struct Listed {
  const Mailbox* mailbox;
  std::vector<std::string> names;
};

std::vector<Listed> mailboxes_of(const Assignments& assignments) {
  std::vector<Listed> listed;
  std::unordered_map<std::string, std::size_t> places;
  for (const Assignment& line : assignments.lines()) {
    auto const [place, is_new] = places.emplace(line.mailbox.user, listed.size());
    if (is_new) listed.push_back(Listed{&line.mailbox, {}});
    listed[place->second].names.push_back(line.is_prefix ? line.name + "*" : line.name);
  }
  return listed;
}

std::string_view state_of(const std::unordered_map<std::string, const PasswordEntry*>& entries, const std::string& user) {
  auto const found = entries.find(user);
  if (found == entries.end()) return "none";
  return found->second->has_flag("disabled") ? "disabled" : "set";
}

std::string as_json(const std::vector<Listed>& listed, auto const& state) {
  JsonText json;
  json.array();
  for (const Listed& one : listed) {
    json.object().key("user").string(one.mailbox->user).key("uid").number(one.mailbox->uid).key("gid").number(one.mailbox->gid);
    json.key("home").string(one.mailbox->home).key("password").string(state(one.mailbox->user)).key("names").array();
    for (const std::string& name : one.names) json.string(name);
    json.end_array().end_object();
  }
  return json.end_array().text() + "\n";
}

std::string as_text(const std::vector<Listed>& listed, auto const& state) {
  TextTable table;
  table.add({"USER", "UID", "GID", "PASSWORD", "HOME"});
  for (const Listed& one : listed)
    table.add({one.mailbox->user, decimal(one.mailbox->uid), decimal(one.mailbox->gid), std::string{state(one.mailbox->user)},
               one.mailbox->home});
  return table.text();
}

}  // namespace

std::string list_of_mailboxes(const Assignments& assignments, const Result<Passwords>& passwords, ListForm form) {
  std::unordered_map<std::string, const PasswordEntry*> entries;
  if (passwords)
    for (const PasswordEntry& entry : passwords->entries()) entries.emplace(entry.login.text(), &entry);
  auto const state = [&](const std::string& user) { return passwords ? state_of(entries, user) : std::string_view{"unknown"}; };
  auto const listed = mailboxes_of(assignments);
  return form == ListForm::json ? as_json(listed, state) : as_text(listed, state);
}

}  // namespace postern
