#include "tools/user_access.h"

#include <algorithm>

#include "lib/core/json_text.h"
#include "lib/os/io.h"
#include "tools/password_keys.h"
#include "tools/text_table.h"
#include "tools/user_password.h"
#include "tools/user_system.h"

namespace postern {
namespace {

constexpr std::string_view disabled = "disabled";

// One change of users/passwords, under the lock, for a mailbox that is there.
class Change {
 public:
  static Result<Change> begin(const Login& login, std::optional<gid_t> readers) {
    UserStore store = TRY(UserStore::open_to_change());
    if (!TRY(store.assignments()).find_user(login.text())) return permanent("there is no such mailbox:", login.text());
    Passwords passwords = TRY(store.passwords());
    return Change{login, std::move(store), std::move(passwords), readers};
  }
  PasswordEntry& entry() { return passwords_.at(login_); }
  Status save() {
    if (entry().is_empty()) passwords_.remove(login_.text());
    return store_.save(passwords_, readers_);
  }

 private:
  Change(const Login& login, UserStore store, Passwords passwords, std::optional<gid_t> readers)
      : login_(login), store_(std::move(store)), passwords_(std::move(passwords)), readers_(readers) {}
  Login login_;
  UserStore store_;
  Passwords passwords_;
  std::optional<gid_t> readers_;
};

std::vector<AppPassword>::iterator find_app(PasswordEntry& entry, std::string_view name) {
  return std::find_if(entry.app_passwords.begin(), entry.app_passwords.end(),
                      [&](const AppPassword& app) { return app.name == name; });
}

std::string words_text(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) (text += text.empty() ? "" : ",") += word;
  return text;
}

}  // namespace

Result<std::optional<gid_t>> readers_of_passwords() {
  std::string const group = TRY(read_system_file("group"));
  return find_system_group(Wire{group}, "pn-auth");
}

Status set_password(const UserOptions& options, std::optional<gid_t> readers) {
  NewPassword password = TRY(read_new_password());
  Change change = TRY(Change::begin(*options.login, readers));
  change.entry().hash = std::move(password.hash);
  change.entry().scram = std::move(password.scram);
  return change.save();
}

Status set_disabled(const UserOptions& options, std::optional<gid_t> readers) {
  Change change = TRY(Change::begin(*options.login, readers));
  std::erase(change.entry().flags, disabled);
  if (options.command == UserCommand::disable) change.entry().flags.emplace_back(disabled);
  return change.save();
}

Status change_app_passwords(const UserOptions& options, std::optional<gid_t> readers) {
  Change change = TRY(Change::begin(*options.login, readers));
  auto const found = find_app(change.entry(), options.app);
  bool const is_there = found != change.entry().app_passwords.end();
  if (options.command == UserCommand::app_del) {
    if (!is_there) return permanent("there is no app password of that name:", options.app);
    change.entry().app_passwords.erase(found);
    return change.save();
  }
  if (is_there) return permanent("there is an app password of that name already:", options.app);
  if (change.entry().app_passwords.size() >= most_app_passwords)
    return permanent("this login has as many app passwords as it may have");
  NewAppPassword made = TRY(make_app_password());
  change.entry().app_passwords.push_back(AppPassword{options.app, options.services, std::move(made.digest)});
  TRY(change.save());
  return write_all(1, made.text + "\n");
}

Status list_app_passwords(const UserOptions& options) {
  UserStore const store = TRY(UserStore::open_to_read());
  if (!TRY(store.assignments()).find_user(options.login->text()))
    return permanent("there is no such mailbox:", options.login->text());
  Passwords const passwords = TRY(store.passwords());
  const PasswordEntry* const entry = passwords.find(options.login->text());
  std::vector<AppPassword> const apps = entry ? entry->app_passwords : std::vector<AppPassword>{};
  if (options.is_json) {
    JsonText json;
    json.array();
    for (const AppPassword& app : apps) {
      json.object().key("name").string(app.name).key("services").array();
      for (const std::string& service : app.services) json.string(service);
      json.end_array().end_object();
    }
    return write_all(1, json.end_array().text() + "\n");
  }
  TextTable table;
  table.add({"NAME", "SERVICES"});
  for (const AppPassword& app : apps) table.add({app.name, app.services.empty() ? "all" : words_text(app.services)});
  return write_all(1, table.text());
}

}  // namespace postern
