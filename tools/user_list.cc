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
  if (found->second->has_flag("disabled")) return "disabled";
  return found->second->hash ? "set" : "none";
}

void add_quota(JsonText& json, const std::optional<Quota>& quota) {
  if (!quota) {
    json.string("unknown");
  } else if (quota->is_none()) {
    json.null();
  } else {
    json.object().key("bytes").number(quota->bytes).key("messages").number(quota->messages).end_object();
  }
}

std::string words_of(const std::optional<Quota>& quota) {
  if (!quota) return "unknown";
  return quota->is_none() ? "none" : quota->encoded();
}

std::string as_json(const std::vector<Listed>& listed, auto const& state, auto const& apps, auto const& quota) {
  JsonText json;
  json.array();
  for (const Listed& one : listed) {
    json.object().key("user").string(one.mailbox->user).key("uid").number(one.mailbox->uid).key("gid").number(one.mailbox->gid);
    json.key("home")
        .string(one.mailbox->home)
        .key("password")
        .string(state(one.mailbox->user))
        .key("apppasses")
        .number(apps(one.mailbox->user))
        .key("quota");
    add_quota(json, quota(one.mailbox->user));
    json.key("names").array();
    for (const std::string& name : one.names) json.string(name);
    json.end_array().end_object();
  }
  return json.end_array().text() + "\n";
}

std::string as_text(const std::vector<Listed>& listed, auto const& state, auto const& apps, auto const& quota) {
  TextTable table;
  table.add({"USER", "UID", "GID", "PASSWORD", "APPPASSES", "QUOTA", "HOME"});
  for (const Listed& one : listed)
    table.add({one.mailbox->user, decimal(one.mailbox->uid), decimal(one.mailbox->gid), std::string{state(one.mailbox->user)},
               decimal(apps(one.mailbox->user)), words_of(quota(one.mailbox->user)), one.mailbox->home});
  return table.text();
}

}  // namespace

std::string list_of_mailboxes(const Assignments& assignments, const Result<Quotas>& quotas, const Result<Passwords>& passwords,
                              ListForm form) {
  std::unordered_map<std::string, const PasswordEntry*> entries;
  if (passwords)
    for (const PasswordEntry& entry : passwords->entries()) entries.emplace(entry.login.text(), &entry);
  auto const state = [&](const std::string& user) { return passwords ? state_of(entries, user) : std::string_view{"unknown"}; };
  auto const apps = [&](const std::string& user) -> std::uint64_t {
    auto const found = entries.find(user);
    return found == entries.end() ? 0 : found->second->app_passwords.size();
  };
  std::unordered_map<std::string, Quota> limits;
  if (quotas)
    for (const QuotaLine& line : quotas->lines()) limits.emplace(line.user, line.quota);
  auto const quota = [&](const std::string& user) -> std::optional<Quota> {
    auto const found = limits.find(user);
    if (!quotas) return std::nullopt;
    return found == limits.end() ? Quota{} : found->second;
  };
  auto const listed = mailboxes_of(assignments);
  return form == ListForm::json ? as_json(listed, state, apps, quota) : as_text(listed, state, apps, quota);
}

}  // namespace postern
