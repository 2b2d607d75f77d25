// user - mailboxes: add, remove, rename and list them, say who may log in
//
// run by   the operator, as root; tools/instance
// fds      0<password (passwd)   1>list, new app password   2>errors
// files    users/assign quotas cdb full passwords next-uid lock, control/virtualdomains, homes and their Maildir;
//          reads /etc/passwd and /etc/group
// exits    0 done   100 it cannot be done like that   111 not now, try again
// see      user(8), passwords(5)
#include <unistd.h>

#include "lib/os/confine.h"
#include "lib/os/io.h"
#include "lib/os/program.h"
#include "tools/password_keys.h"
#include "tools/tool_words.h"
#include "tools/user_access.h"
#include "tools/user_domain.h"
#include "tools/user_home.h"
#include "tools/user_list.h"
#include "tools/user_options.h"
#include "tools/user_place.h"
#include "tools/user_quota.h"
#include "tools/user_rename.h"
#include "tools/user_store.h"
#include "tools/user_system.h"

namespace postern {
namespace {

constexpr unsigned every_right = may_read | may_write | may_create | may_remove | may_link_in;

// Confined to Postern's users and homes, and to `besides` where that lies elsewhere.
Status confine_with_home(const std::string& besides, const std::string& here) {
  return is_inside(besides, here + "/home") ? confine() : confine_with(PathRule{besides, every_right});
}

Result<bool> is_there(const std::string& path) {
  if (access(path.c_str(), F_OK) == 0) return true;
  if (errno != ENOENT) return system_error("look for", path);
  return false;
}

// Mail that another mailbox reads too is not removed.
Status check_alone(const Assignments& others, const std::string& home) {
  for (const Assignment& line : others.lines())
    if (line.mailbox.home == home) return permanent("leave out --remove-mail: its mail is also that of", line.mailbox.user);
  return Done{};
}

Status check_uid(const Mailbox& mailbox, const Control& control) {
  auto const accounts = Accounts::read(control.directory());
  if (!accounts) return Done{};  // no users of Postern's own yet
  if (accounts->account_of(mailbox.uid)) return permanent("this uid belongs to one of Postern's programs");
  return Done{};
}

Result<Mailbox> mailbox_of(const UserOptions& options, const std::string& here) {
  const Login& login = *options.login;
  if (options.is_system) {
    std::string const passwd = TRY(read_system_file("passwd"));
    return find_system_user(Wire{passwd}, login.text());
  }
  std::string home = options.home.empty() ? default_home(login, here) : options.home;
  return Mailbox{
      login.text(), options.uid ? options.uid->number() : 0, options.gid ? options.gid->number() : 0, std::move(home), {}, {}};
}

Status add(const UserOptions& options, const std::string& here) {
  Mailbox mailbox = TRY(mailbox_of(options, here));
  UserStore const store = TRY(UserStore::open_to_change());
  if (!is_inside(mailbox.home, here + "/home")) TRY(make_parents(mailbox.home));      // where we may make nothing once confined
  TRY(confine_with_home(mailbox.home.substr(0, mailbox.home.rfind('/') + 1), here));  // what holds the home

  auto const control = TRY(Control::open());
  Assignments assignments = TRY(store.assignments());
  LoginRoute const route = TRY(route_of(*options.login, control));
  if (assignments.find_user(mailbox.user) || assignments.has_name(route.local_name))
    return permanent("there is such a mailbox already:", mailbox.user);
  TRY(check_uid(mailbox, control));
  TRY(check_home(assignments, mailbox));
  if (route.needs_domain) TRY(add_domain(*options.login, control));
  if (mailbox.uid == 0) mailbox.uid = mailbox.gid = TRY(store.take_uid(assignments));
  TRY(make_parents(mailbox.home));
  TRY(make_home(mailbox));
  assignments.add(route.local_name, mailbox);
  return store.save(assignments);
}

Status del(const UserOptions& options, const std::string& here) {
  UserStore const store = TRY(UserStore::open_to_change());
  Assignments assignments = TRY(store.assignments());
  const std::string& user = options.login->text();
  const Assignment* const line = assignments.find_user(user);
  if (!line) return permanent("there is no such mailbox:", user);
  std::string const home = line->mailbox.home;
  auto const readers = TRY(readers_of_passwords());
  bool const has_mail_to_remove = options.removes_mail && TRY(is_there(home));
  TRY(has_mail_to_remove ? confine_with_home(home, here) : confine());

  assignments.remove(user);
  if (has_mail_to_remove) TRY(check_alone(assignments, home));
  Passwords passwords = TRY(store.passwords());
  if (passwords.remove(user)) TRY(store.save(passwords, readers));
  if (has_mail_to_remove) TRY(is_inside(home, here + "/home") ? remove_home(home) : remove_maildir(home));
  Quotas quotas = TRY(store.quotas());
  quotas.remove(user);
  return store.save(assignments, quotas);
}

Status rename(const UserOptions& options, const std::string& here) {
  auto const readers = TRY(readers_of_passwords());
  std::string const system_users = TRY(read_system_file("passwd"));
  UserStore const store = TRY(UserStore::open_to_change());
  TRY(confine());
  return rename_mailbox(options, here, store, {Wire{system_users}, readers});
}

// What changes users/passwords and nothing else.
Status change_access(const UserOptions& options) {
  auto const readers = TRY(readers_of_passwords());
  TRY(prepare_digests());
  TRY(confine());
  if (options.command == UserCommand::passwd) return set_password(options, readers);
  if (options.command == UserCommand::app_add || options.command == UserCommand::app_del)
    return change_app_passwords(options, readers);
  return set_disabled(options, readers);
}

Status quota(const UserOptions& options, const std::string& here) {
  UserStore const store = TRY(options.quota ? UserStore::open_to_change() : UserStore::open_to_read());
  Assignments const assignments = TRY(store.assignments());
  const Assignment* const line = assignments.find_user(options.login->text());
  if (!line) return permanent("there is no such mailbox:", options.login->text());
  const std::string& home = line->mailbox.home;
  TRY(TRY(is_there(home)) ? confine_with_home(home, here) : confine());
  return options.quota ? set_quota(options, store, assignments, home) : show_quota(options, store, home);
}

Status rebuild() {
  TRY(confine());
  UserStore const store = TRY(UserStore::open_to_change());
  return store.save(TRY(store.assignments()));
}

Status list(const UserOptions& options) {
  TRY(confine());
  UserStore const store = TRY(UserStore::open_to_read());
  return write_all(1, list_of_mailboxes(TRY(store.assignments()), store.quotas(), store.passwords(),
                                        options.is_json ? ListForm::json : ListForm::text));
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  auto const options = TRY(UserOptions::parse(args));
  std::string const here = TRY(enter_directory(options.directory));
  if (options.command != UserCommand::list && options.command != UserCommand::app_list && getuid() != 0)
    return permanent("only root may change mailboxes");
  switch (options.command) {
    case UserCommand::add:
      return add(options, here);
    case UserCommand::del:
      return del(options, here);
    case UserCommand::rename:
      return rename(options, here);
    case UserCommand::passwd:
    case UserCommand::disable:
    case UserCommand::enable:
    case UserCommand::app_add:
    case UserCommand::app_del:
      return change_access(options);
    case UserCommand::app_list:
      TRY(confine());
      return list_app_passwords(options);
    case UserCommand::quota:
      return quota(options, here);
    case UserCommand::rebuild:
      return rebuild();
    case UserCommand::list:
      return list(options);
  }
  return permanent("usage: see user(8)");
}
