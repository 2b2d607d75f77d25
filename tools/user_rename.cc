#include "tools/user_rename.h"

#include "lib/os/io.h"
#include "tools/user_domain.h"
#include "tools/user_home.h"
#include "tools/user_place.h"
#include "tools/user_system.h"

namespace postern {
namespace {

// Its name is the system's, by which it logs in and is delivered to.
Status check_own(const Mailbox& mailbox, const Login& old, Wire passwd) {
  auto const user = find_system_user(passwd, old.text());
  if (!user || user->uid != mailbox.uid) return Done{};
  return permanent("a user of the system is renamed there (usermod -l); then 'user del' it, and 'user add --system':",
                   old.text());
}

// The place that goes with the new name, for a home that lies at the old name's and is nobody else's. Else where it is.
std::string home_to_be(const UserOptions& options, const std::string& here, const Mailbox& mailbox,
                       const Assignments& assignments) {
  if (mailbox.home != default_home(*options.login, here)) return mailbox.home;
  for (const Assignment& line : assignments.lines())
    if (line.mailbox.user != mailbox.user && (line.mailbox.home == mailbox.home || is_inside(line.mailbox.home, mailbox.home)))
      return mailbox.home;
  return default_home(*options.new_login, here);
}

Status rename_entry(const Login& old, const Login& name, const UserStore& store, std::optional<gid_t> readers) {
  Passwords passwords = TRY(store.passwords());
  const PasswordEntry* const found = passwords.find(old.text());
  if (!found) return Done{};  // it has none, or was renamed by a run that was killed
  PasswordEntry entry = *found;
  entry.login = name;
  passwords.remove(old.text());
  passwords.at(name) = std::move(entry);
  return store.save(passwords, readers);
}

// What an operator may have forgotten: it is not ours to change.
Status tell_of_grants(const Login& old, const Control& control) {
  auto const grants = TRY(control.list<"sendas">());
  if (!grants) return Done{};
  for (const std::string& grant : *grants)
    if (grant.starts_with(old.text() + ":"))
      return write_all(
          1, "user: control/sendas still has lines of " + old.text() + ", which count for whoever has that name next\n");
  return Done{};
}

}  // namespace

// users/assign is what says that it is done, so it comes last; until then every step finds out whether it was made. Mail
// that comes meanwhile waits, and is not refused: the home moves before the old name is unknown.
Status rename_mailbox(const UserOptions& options, const std::string& here, const UserStore& store, const SystemFiles& system) {
  const Login& old = *options.login;
  const Login& name = *options.new_login;
  auto const control = TRY(Control::open());
  Assignments assignments = TRY(store.assignments());
  const Assignment* const line = assignments.find_user(old.text());
  bool const is_taken = assignments.find_user(name.text()) != nullptr;
  if (!line && is_taken)
    return permanent("there is no such mailbox; one has the new name: it is renamed already, if you did:", old.text());
  if (!line) return permanent("there is no such mailbox:", old.text());
  if (is_taken) return permanent("there is such a mailbox already:", name.text());
  Mailbox const mailbox = line->mailbox;
  TRY(check_own(mailbox, old, system.passwd));
  LoginRoute const old_route = TRY(route_of(old, control)), route = TRY(route_of(name, control));

  std::string home = home_to_be(options, here, mailbox, assignments);
  Mailbox renamed = mailbox;
  renamed.home = home;
  TRY(check_home(assignments, renamed));
  Move move = Move::done;
  if (home != mailbox.home) move = TRY(look_at_move(mailbox, home));
  if (move == Move::of_another_file_system) home = mailbox.home;
  TRY(assignments.rename({old.text(), old_route.local_name, mailbox.home}, {name.text(), route.local_name, home}));
  Quotas quotas = TRY(store.quotas());
  TRY(quotas.rename(old.text(), name));

  if (route.needs_domain) TRY(add_domain(name, control));
  TRY(rename_entry(old, name, store, system.readers));
  if (home != mailbox.home) TRY(move_home(mailbox.home, home, move));
  TRY(store.save(assignments, quotas));
  return tell_of_grants(old, control);
}

}  // namespace postern
