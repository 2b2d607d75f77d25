// domain - the domains that this host has mailboxes for: add, remove and list them
//
// run by   the operator, as root; list by everybody
// fds      1>list, notices   2>errors
// files    control/virtualdomains and locals, users/lock; reads users/assign, control/rcpthosts
// exits    0 done   100 it cannot be done like that   111 not now, try again
// see      domain(8)
#include <unistd.h>

#include <algorithm>

#include "lib/core/ascii.h"
#include "lib/core/number.h"
#include "lib/mail/a_labels.h"
#include "lib/os/confine.h"
#include "lib/os/io.h"
#include "lib/os/program.h"
#include "tools/domain_report.h"
#include "tools/tool_words.h"
#include "tools/user_store.h"

namespace postern {
namespace {

enum class Command : unsigned char { add, del, list };

struct Options {
  Command command = Command::list;
  std::optional<Domain> name = {};  // always, but of list: in A-labels
  std::string directory = {};
  bool is_local = false;
  bool is_json = false;

  static Result<Options> parse(const Args& args);
};

Result<Domain> parse_name(std::string_view word) {
  auto const typed = Domain::parse(Wire{word});
  if (!typed || typed->is_literal()) return permanent("no domain name, as example.org is one:", word);
  auto const ascii = a_labels(*typed);
  if (!ascii) return permanent("this is no domain name in any script:", word);
  return Domain::parse(Wire{*ascii});
}

Result<Options> Options::parse(const Args& args) {
  ToolWords words = TRY(ToolWords::read(args));
  Options options;
  options.directory = words.directory();
  std::string_view const command = words.next();
  if (command == "add")
    options.command = Command::add;
  else if (command == "del")
    options.command = Command::del;
  else if (command != "list")
    return permanent("usage: domain add NAME [--local], domain del NAME, or domain list [--json]; see domain(8)");
  bool const needs_name = options.command != Command::list;
  while (!words.is_empty()) {
    std::string_view const word = words.next();
    if (word == "--json" && options.command == Command::list)
      options.is_json = true;
    else if (word == "--local" && options.command == Command::add)
      options.is_local = true;
    else if (word.starts_with("--"))
      return permanent("this command has no option like that; see domain(8):", word);
    else if (needs_name && !options.name)
      options.name = TRY(parse_name(word));
    else
      return permanent("one word too many:", word);
  }
  if (needs_name && !options.name) return permanent("NAME is missing: a domain, like example.org; see domain(8)");
  return options;
}

bool is_in(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const VirtualDomain* find_in(const std::vector<VirtualDomain>& domains, const std::string& name) {
  auto const found = std::find_if(domains.begin(), domains.end(), [&](const VirtualDomain& one) { return one.key == name; });
  return found == domains.end() ? nullptr : &*found;
}

Status add(const Options& options, const Control& control) {
  MailDomains domains = TRY(MailDomains::read(control));
  const std::string& name = options.name->text();
  auto const virtuals = domains.virtuals();
  if (is_in(domains.locals(), name)) return permanent("there is such a domain already, in control/locals:", name);
  if (const VirtualDomain* const there = find_in(virtuals, name)) {
    if (there->prefix.empty()) return permanent("control/virtualdomains sends mail elsewhere; take out its line for", name);
    return permanent("there is such a domain already, in control/virtualdomains:", name);
  }
  if (options.is_local) {
    domains.add_local(*options.name);
    return domains.save_locals(control);
  }
  domains.add_virtual(*options.name);
  return domains.save_virtuals(control);
}

std::string first_few(const std::vector<std::string>& users) {
  std::string text = decimal(users.size()) + ": ";
  for (std::size_t i = 0; i < users.size() && i < 3; ++i) (text += i == 0 ? "" : ", ") += users[i];
  return users.size() > 3 ? text + " ..." : text;
}

// Mail for it must not go to a mailbox of this host any more, nor lose one.
Status check_unused(const MailDomains& domains, const std::string& name, const std::string& me, const Assignments& assignments) {
  auto const locals = domains.locals();
  if (is_in(locals, name)) {
    if (name == to_lower(me)) return permanent("control/me: this host's own name, to which its reports go, stays local:", name);
    auto const users = users_of_locals(assignments);
    if (locals.size() == 1 && !users.empty())
      return permanent("it is the last local domain, and there are mailboxes without a domain,", first_few(users));
  }
  auto const virtuals = domains.virtuals();
  const VirtualDomain* const found = find_in(virtuals, name);
  if (!found) return Done{};
  VirtualDomain domain = *found;
  for (const VirtualDomain& other : virtuals)
    if (other.key != name && other.prefix == domain.prefix) domain.prefix.clear();  // whose mailboxes these are as well
  auto const users = users_of_virtual(assignments, domain);
  if (!users.empty()) return permanent("there are mailboxes; remove them first with 'postern user del',", first_few(users));
  return Done{};
}

// What an operator may have forgotten: it is not ours to undo.
Status tell_of_rcpthosts(const std::string& name, const Control& control) {
  auto const accepted = TRY(control.list<"rcpthosts">());
  if (!accepted ||
      std::none_of(accepted->begin(), accepted->end(), [&](const std::string& one) { return equal_ignoring_case(one, name); }))
    return Done{};
  return write_all(1, "domain: control/rcpthosts still has " + name + ": its mail is accepted, and sent on as DNS says\n");
}

Status del(const Options& options, const Control& control, const UserStore& store) {
  MailDomains domains = TRY(MailDomains::read(control));
  const std::string& name = options.name->text();
  TRY(check_unused(domains, name, TRY(control.me()), TRY(store.assignments())));
  bool const was_local = domains.remove_local(*options.name);
  bool const was_virtual = domains.remove_virtual(*options.name);
  if (!was_local && !was_virtual) return permanent("there is no such domain:", name);
  if (was_virtual) TRY(domains.save_virtuals(control));  // first: a domain in both files is a local one until the end
  if (was_local) TRY(domains.save_locals(control));
  return tell_of_rcpthosts(name, control);
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  auto const options = TRY(Options::parse(args));
  TRY(enter_directory(options.directory));
  if (options.command != Command::list && getuid() != 0) return permanent("only root may change domains");
  bool const changes = options.command != Command::list;
  UserStore const store = TRY(changes ? UserStore::open_to_change() : UserStore::open_to_read());  // user(8) adds domains too
  TRY(confine());
  Control const control = TRY(Control::open());
  if (options.command == Command::add) return add(options, control);
  if (options.command == Command::del) return del(options, control, store);
  return write_all(1, list_of_domains(TRY(MailDomains::read(control)), TRY(store.assignments()),
                                      options.is_json ? DomainForm::json : DomainForm::text));
}
