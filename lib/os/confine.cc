#include "lib/os/confine.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "lib/os/fd.h"
#include "lib/os/log.h"

namespace postern {
namespace {

constexpr std::uint64_t all_rights =  // of Landlock ABI 2, the least that Debian 12's kernel has
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
    LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM;
constexpr std::uint64_t program_room = 16 * MiB;  // code, stack and what is shared with children
// Later than some headers: by the ABI that knows them.
constexpr int least_version = 2;                // REFER: with less, no file could be linked from one directory to another
constexpr std::uint64_t refer = 1u << 13;       // ABI 2, LANDLOCK_ACCESS_FS_REFER
constexpr std::uint64_t truncation = 1u << 14;  // ABI 3, LANDLOCK_ACCESS_FS_TRUNCATE
constexpr int net_version = 4;
constexpr std::uint64_t tcp_bind = 1, tcp_connect = 2;     // ABI 4, LANDLOCK_ACCESS_NET_BIND_TCP and _CONNECT_TCP
constexpr int port_rule = 2;                               // ABI 4, LANDLOCK_RULE_NET_PORT
constexpr std::uint64_t abstract_sockets_and_signals = 3;  // ABI 6, LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET and _SIGNAL

struct RulesetAttributes {
  std::uint64_t files = 0;
  std::uint64_t net = 0;     // ABI 4
  std::uint64_t scoped = 0;  // ABI 6

  static std::size_t size(int version) { return (version >= 6 ? 3 : version >= net_version ? 2 : 1) * sizeof(std::uint64_t); }
};

std::uint64_t landlock_rights(unsigned rights, int version) {
  std::uint64_t all = 0;
  if (rights & may_read) all |= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
  if (rights & may_write) all |= LANDLOCK_ACCESS_FS_WRITE_FILE | (version >= 3 ? truncation : 0);
  if (rights & may_create) all |= LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR;
  if (rights & may_remove) all |= LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR;
  if (rights & may_link_in) all |= LANDLOCK_ACCESS_FS_MAKE_REG | refer;
  if (rights & may_move_out) all |= refer;
  if (rights & may_execute) all |= LANDLOCK_ACCESS_FS_EXECUTE;
  return all;
}

Status allow_path(int ruleset, const PathRule& rule, int version) {
  std::string const path{rule.path};
  Fd const parent{open(path.c_str(), O_PATH | O_CLOEXEC)};
  if (!parent.is_open() && errno == ENOENT)
    return permanent("started in another directory than Postern's: there is no", rule.path);
  if (!parent.is_open()) return system_error("confine: open", rule.path);
  landlock_path_beneath_attr attributes{};
  attributes.allowed_access = landlock_rights(rule.rights, version);
  attributes.parent_fd = parent.number();
  if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attributes, 0) != 0)
    return system_error("confine: Landlock rule for", rule.path);
  return Done{};
}

struct PortAttributes {  // ABI 4, landlock_net_port_attr
  std::uint64_t allowed_access;
  std::uint64_t port;
};

Status allow_port(int ruleset, std::uint64_t access, std::uint16_t port) {
  PortAttributes const attributes{access, port};
  if (syscall(SYS_landlock_add_rule, ruleset, port_rule, &attributes, 0) != 0)
    return system_error("confine: Landlock rule for a port");
  return Done{};
}

Status allow_ports(int ruleset, const Row& row) {
  if ((row.promises | row.kept_for_children) & connects)
    TRY(allow_port(ruleset, tcp_bind, 0));  // an address of its own choice, never a port
  for (std::uint16_t const port : row.ports.numbers)
    if (port != 0 && !row.ports.any) TRY(allow_port(ruleset, tcp_connect, port));
  return Done{};
}

Status restrict_files(const Row& row) {
  int const version = landlock_version();
  if (version < 0) return system_error("confine: Landlock");
  if (version < least_version) {  // users and modes still stand; the services say so and go on
    if (row.promises & accepts) LogLine{"confine"}.add("landlock", "missing").write();
    return Done{};
  }
  RulesetAttributes attributes;
  attributes.files = all_rights | refer | (version >= 3 ? truncation : 0);
  // A stranger's socket could be disconnected and connected anew to somewhere else: no seccomp filter sees that.
  attributes.net = tcp_bind | (row.ports.any ? 0 : tcp_connect);
  attributes.scoped = abstract_sockets_and_signals;
  Fd const ruleset{static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, RulesetAttributes::size(version), 0))};
  if (!ruleset.is_open()) return system_error("confine: Landlock");
  for (const PathRule& rule : row.paths)
    if (!rule.path.empty()) TRY(allow_path(ruleset.number(), rule, version));
  if (version >= net_version) TRY(allow_ports(ruleset.number(), row));
#ifdef POSTERN_SANITIZE
  TRY(allow_path(ruleset.number(), PathRule{"/proc", may_read}, version));
  if (row.promises & starts) TRY(allow_path(ruleset.number(), PathRule{"/", may_read | may_execute}, version));  // the loader
#endif
  if (syscall(SYS_landlock_restrict_self, ruleset.number(), 0) != 0) return system_error("confine: Landlock");
  return Done{};
}

Status limit(int which, std::uint64_t most) {
  rlimit now{};
  if (getrlimit(static_cast<__rlimit_resource>(which), &now) != 0) return system_error("confine: getrlimit");
  rlim_t const value = now.rlim_max < most ? now.rlim_max : most;
  rlimit const wanted{value, value};
  if (setrlimit(static_cast<__rlimit_resource>(which), &wanted) != 0) return system_error("confine: setrlimit");
  return Done{};
}

Status install(const Filter& filter) {
  sock_fprog const code{filter.length, const_cast<sock_filter*>(filter.code.data())};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &code, 0, 0) != 0) return system_error("confine: seccomp");
  return Done{};
}

// Of root's powers a starter keeps those to become somebody else.
Status keep_only_becoming() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2]{};
  sets[0].effective = sets[0].permitted = 1u << CAP_SETUID | 1u << CAP_SETGID;
  if (syscall(SYS_capset, &header, sets) != 0) return system_error("confine: capset");
  return Done{};
}

}  // namespace

Status confine_child() {
  static constexpr Filter filter = make_filter(stdio);
  static constexpr Row nothing{.name = "", .account = Account::caller, .promises = stdio, .fds = ""};
  TRY(restrict_files(nothing));
  TRY(limit(RLIMIT_NPROC, 0));
  return install(filter);
}

int landlock_version() {
  long const version = syscall(SYS_landlock_create_ruleset, nullptr, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);
  // Not built in, not switched on, or kept from us by a container's filter.
  bool const is_missing = version < 0 && (errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM);
  return is_missing ? 0 : static_cast<int>(version);
}

Status confine_to(const Row& row, const Filter& filter) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_error("confine: no_new_privs");
  if (row.promises & loads) return install(filter);  // files and limits are the business of what it becomes
#ifndef POSTERN_SANITIZE                             // their reports read /proc/self
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return system_error("confine: dumpable");
#endif
  // Root's starters keep the files open for the mailboxes' programs, which restrict themselves to their homes.
  if (!(row.promises & becomes) && !(row.account == Account::root && (row.promises & starts))) TRY(restrict_files(row));
  TRY(limit(RLIMIT_CORE, 0));
  TRY(limit(RLIMIT_NOFILE, row.limits.open_files));
#ifndef POSTERN_SANITIZE
  TRY(limit(RLIMIT_DATA, row.limits.memory));
  // The filter leaves it shared memory, which RLIMIT_DATA does not count.
  if (row.promises & forks) TRY(limit(RLIMIT_AS, row.limits.memory + program_room));
#endif
  if (row.account != Account::root && row.account != Account::caller && !(row.promises & starts))
    TRY(limit(RLIMIT_NPROC, row.limits.processes));
  if (row.promises & becomes) TRY(keep_only_becoming());
  return install(filter);
}

}  // namespace postern
