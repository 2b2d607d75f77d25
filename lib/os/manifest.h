// manifest - what each program is, may do and may hold: one row a program, and the only place that says so
//
// confine() makes the seccomp filter, the Landlock rules and the limits from a row; tests hold rows against running
// processes; the man pages' PRIVILEGES come from it. Paths are relative to the directory that a program runs in
// (Postern's own, or for `local` the mailbox's home).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "lib/os/account.h"
#include "lib/os/promises.h"

namespace postern {

// What may be done below a directory.
enum PathRight : unsigned {
  may_read = 1,      // read files and list directories
  may_write = 2,     // write to files that are there
  may_create = 4,    // new regular files and directories
  may_remove = 8,    // unlink files and directories
  may_link_in = 16,  // link or rename into it from another directory, without any right to what lies there
  may_execute = 32,
  may_move_out = 64,  // link or rename out of it; with may_remove, a rename
};

struct PathRule {
  std::string_view path;
  unsigned rights = 0;
};

// The TCP ports of other hosts that it may connect to.
struct Ports {
  bool any = false;
  std::array<std::uint16_t, 20> numbers{};  // 0 is none
};

struct Limits {
  std::uint64_t memory = 64u << 20;  // RLIMIT_DATA, bytes
  std::uint64_t open_files = 64;
  std::uint64_t processes = 0;  // RLIMIT_NPROC of its uid, itself included; 0: it cannot fork. Not for root.
};

// Of the descriptors above 2 that it finds open, a program closes all but the one that NOTIFY names, or none.
enum class Inherits : unsigned char { nothing, any };

struct Row {
  std::string_view name;
  Account account;
  unsigned promises;               // what the running program may ask of the kernel
  unsigned kept_for_children = 0;  // and what its filter leaves open for the programs it starts (they take it away themselves)
  std::string_view fds;
  Inherits inherits = Inherits::nothing;
  std::array<PathRule, 8> paths{};
  Ports ports{};
  std::string_view sockets = "";      // what it connects to
  std::string_view children = "";     // what it starts
  std::string_view environment = "";  // what it is told; "*": everything, which it hands on
  Limits limits{};
};

inline constexpr std::uint64_t MiB = 1u << 20;
// What a filter must leave open so that a child can start and confine itself.
inline constexpr unsigned child_start = starts | restricts;

inline constexpr Row manifest[] = {
    {.name = "tcpbind",
     .account = Account::root,
     .promises = stdio | listens | starts | loads,
     .fds = "0>listening socket 2>log",
     .inherits = Inherits::any,
     .children = "the program in its arguments",
     .environment = "*"},
    {.name = "tcplisten",
     .account = Account::smtp,
     .promises = stdio | accepts | starts,
     .kept_for_children = child_start | read_files | local_sockets,
     .fds = "0<listening socket 2>log",
     .inherits = Inherits::any,
     .paths = {{{"/", may_read | may_execute}}},
     .children = "smtpd pop3-login",
     .environment = "UID GID GIDLIST NOTIFY",
     .limits = {.memory = 256 * MiB, .open_files = 256}},  // its children's at most
    {.name = "smtpd",
     .account = Account::smtp,
     .promises = stdio | named_files | local_sockets,  // what else it reads it opens before it is confined
     .fds = "0<stranger 1>stranger 2>log",
     .paths = {{{"users/full", may_read}}},
     .sockets = "queue-trusted tlsd authd countd",  // the last two as pn-submit
     .environment = "PROTO TCPREMOTEIP TCPREMOTEPORT TCPREMOTEHOST TCPLOCALIP TCPLOCALPORT TCP6REMOTEIP TCP6REMOTEPORT "
                    "TCP6LOCALIP TCP6LOCALPORT",
     .limits = {.memory = 48 * MiB, .open_files = 16}},
    {.name = "queue-inject",
     .account = Account::queue,
     .promises = stdio | read_files | write_files | local_sockets | accepts | forks,
     .fds = "0<listening socket 2>log",
     .paths = {{{"queue/tmp", may_read | may_write | may_create | may_remove | may_link_in},
                {"queue/todo", may_link_in},  // and neither read, change nor remove
                {"run/queue-send", may_write},
                {"control", may_read}}},
     .sockets = "queue-send",
     .environment = "NOTIFY",
     .limits = {.memory = 64 * MiB, .open_files = 64, .processes = 512}},
    {.name = "queue-clean",
     .account = Account::queue,
     .promises = stdio | read_files | write_files | accepts,
     .fds = "0<listening socket 2>log",
     .paths = {{{"queue/tmp", may_read | may_remove},
                {"queue/todo", may_remove | may_move_out},  // and neither read nor change
                {"queue/broken", may_link_in | may_remove}}},
     .environment = "NOTIFY",
     .limits = {.memory = 32 * MiB, .open_files = 1024}},
    {.name = "queue-send",
     .account = Account::send,
     .promises = stdio | read_files | write_files | local_sockets | accepts,
     .fds = "0<notification socket 1<orders 2>log",
     .paths = {{{"queue", may_read},
                {"state", may_read | may_write | may_create | may_remove},
                {"run/queue-send", may_read | may_write},
                {"control", may_read}}},
     .sockets = "local-spawn remote-spawn queue-clean bounce",
     .environment = "NOTIFY",
     .limits = {.memory = 1024 * MiB, .open_files = 2048}},
    {.name = "dnsqd",
     .account = Account::dns,
     .promises = stdio | read_files | accepts | connects | datagrams,
     .fds = "0<listening socket 2>log",
     .paths = {{{"control", may_read}}},
     .ports = {.numbers = {53}},  // and those that control/ names
     .environment = "NOTIFY",
     .limits = {.memory = 256 * MiB, .open_files = 4096}},
    {.name = "bounce",
     .account = Account::bounce,
     .promises = stdio | read_files | local_sockets | accepts | forks,
     .fds = "0<listening socket 2>log",
     .paths = {{{"control", may_read}}},
     .sockets = "queue-trusted",
     .environment = "NOTIFY",
     .limits = {.memory = 64 * MiB, .open_files = 64, .processes = 64}},
    {.name = "tlskeyd",
     .account = Account::key,
     .promises = stdio | read_files | accepts,
     .fds = "0<listening socket 2>log",
     .paths = {{{"tls/keys", may_read}}},
     .environment = "NOTIFY",
     .limits = {.memory = 64 * MiB, .open_files = 2048}},
    {.name = "tlsd",
     .account = Account::tls,                                           // its client side's is pn-tlsc
     .promises = stdio | read_files | local_sockets | accepts | forks,  // a connection's process keeps the first only
     .kept_for_children = restricts,
     .fds = "0<listening socket 2>log",
     .paths = {{{"tls/certs", may_read}}},
     .sockets = "tlskeyd",
     .environment = "NOTIFY",
     .limits = {.memory = 64 * MiB, .open_files = 64, .processes = 1200}},
    {.name = "local-spawn",
     .account = Account::root,
     .promises = stdio | read_files | accepts | starts | becomes,
     .kept_for_children = child_start | write_files,
     .fds = "0<listening socket 2>log",
     .children = "local",
     .environment = "NOTIFY",
     .limits = {.open_files = 2048}},
    {.name = "local",
     .account = Account::mailbox,
     .promises = stdio | read_files | write_files,
     .fds = "0<>local-spawn 2>log",
     .paths = {{{".", may_read | may_write | may_create | may_remove | may_link_in}}},
     .environment = "USER HOME HOST QUOTA FULL",
     .limits = {.memory = 32 * MiB, .open_files = 32}},
    {.name = "pop3-login",
     .account = Account::login,
     .promises = stdio | local_sockets,  // what it reads it opens before it is confined
     .fds = "0<stranger 1>stranger 2>log",
     .paths = {{{"control", may_read}}},
     .sockets = "tlsd authd login",
     .environment = "PROTO TCPREMOTEIP TCPREMOTEPORT TCPREMOTEHOST TCPLOCALIP TCPLOCALPORT TCP6REMOTEIP TCP6REMOTEPORT "
                    "TCP6LOCALIP TCP6LOCALPORT",
     .limits = {.memory = 32 * MiB, .open_files = 16}},
    {.name = "login",
     .account = Account::root,
     .promises = stdio | read_files | local_sockets | accepts | starts | becomes,
     .kept_for_children = child_start | write_files,
     .fds = "0<listening socket 2>log",
     .sockets = "authd-tickets",
     .children = "pop3d",
     .environment = "NOTIFY",
     .limits = {.open_files = 2048}},
    {.name = "pop3d",
     .account = Account::mailbox,
     .promises = stdio | read_files | write_files,
     .fds = "0<client 1>client 2>log",
     .paths = {{{".", may_read | may_write | may_create | may_remove | may_link_in}}},
     .environment = "USER UTF8 LOGINS FULL",
     .limits = {.memory = 512 * MiB, .open_files = 32}},
    {.name = "remote-spawn",
     .account = Account::remote,
     .promises = stdio | local_sockets | accepts | starts,
     .kept_for_children = child_start | read_files | connects | interfaces,
     .fds = "0<listening socket 2>log",
     .paths = {{{"control", may_read}}},  // and the directory of remote
     .ports = {.any = true},
     .sockets = "tlsc",  // a connection for a remote
     .children = "remote",
     .environment = "NOTIFY",
     .limits = {.open_files = 2048}},
    {.name = "remote",
     .account = Account::remote,
     .promises = stdio | connects,  // to one port, and no file at all
     .fds = "0<>remote-spawn 1>outcomes, by hand 2>log",
     .sockets = "dnsqd tlsc",  // connected before it is confined; tlsc's by remote-spawn
     .limits = {.memory = 32 * MiB, .open_files = 16}},
    {.name = "authd",
     .account = Account::auth,
     .promises = stdio | read_files | local_sockets | accepts | forks,
     .fds = "0<listening socket 1<listening socket of tickets 2>log",
     .paths = {{{"users", may_read}, {"control", may_read}}},
     .sockets = "check-spawn shadow-spawn",
     .environment = "NOTIFY",
     .limits = {.memory = 512 * MiB, .open_files = 1200, .processes = 64}},
    {.name = "inject",
     .account = Account::caller,
     .promises = stdio | local_sockets,  // likewise
     .fds = "0<message 1>message or ID, when asked for 2>errors",
     .paths = {{{"control", may_read}}},
     .sockets = "queue-anyone",
     .environment =
         "POSTERN_DIR QMAILSUSER QMAILSHOST QMAILNAME QMAILUSER QMAILHOST QMAILINJECT QMAILDEFAULTHOST QMAILDEFAULTDOMAIN "
         "QMAILPLUSDOMAIN QMAILIDHOST MAILNAME MAILUSER MAILHOST NAME USER LOGNAME"},
    {.name = "dnsq",
     .account = Account::caller,
     .promises = stdio | local_sockets,
     .fds = "1>answer 2>errors",
     .sockets = "dnsqd",
     .environment = "POSTERN_DIR"},
    {.name = "postern",
     .account = Account::caller,
     .promises = stdio | starts | loads,
     .fds = "0 1 2 the terminal's",
     .inherits = Inherits::any,
     .children = "the other tools",
     .environment = "POSTERN_DIR PATH TZ"},
    {.name = "user",
     .account = Account::root,
     .promises = stdio | read_files | write_files | chowns | terminal,
     .fds = "0<password 1>answer 2>errors",
     .paths = {{{"users", may_read | may_write | may_create | may_remove | may_link_in},
                {"home", may_read | may_write | may_create | may_remove | may_link_in},       // or where the operator says
                {"control", may_read | may_write | may_create | may_remove | may_link_in}}},  // virtualdomains
     .environment = "POSTERN_DIR",
     .limits = {.memory = 256 * MiB}},
    {.name = "domain",
     .account = Account::root,
     .promises = stdio | read_files | write_files,
     .fds = "1>list 2>errors",
     .paths = {{{"users", may_read},
                {"control", may_read | may_write | may_create | may_remove | may_link_in}}},  // a list, replaced by rename
     .environment = "POSTERN_DIR",
     .limits = {.memory = 256 * MiB}},
    {.name = "queue",
     .account = Account::caller,
     .promises = stdio | read_files,  // it connects before it is confined
     .fds = "0<IDs 1>answer 2>errors",
     .paths = {{{"log", may_read},
                {"queue", may_read},
                {"state", may_read}}},  // the last two root's, where queue-desk does not run
     .sockets = "queue-desk",
     .environment = "POSTERN_DIR TZ",
     .limits = {.memory = 256 * MiB}},
    {.name = "queue-desk",
     .account = Account::desk,
     .promises = stdio | read_files | local_sockets | accepts | forks,
     .fds = "0<listening socket 2>log",
     .paths = {{{"queue", may_read}, {"state", may_read}}},
     .sockets = "queue-orders",
     .environment = "NOTIFY",
     .limits = {.memory = 256 * MiB, .open_files = 64, .processes = 64}},
    {.name = "countd",
     .account = Account::count,
     .promises = stdio | accepts,  // and no file at all
     .fds = "0<listening socket 2>log",
     .environment = "NOTIFY",
     .limits = {.memory = 128 * MiB, .open_files = 4200}},
    {.name = "check-spawn",
     .account = Account::check,
     .promises = stdio | read_files | accepts | starts,
     .kept_for_children = loads,  // they are whatever the operator wrote
     .fds = "0<listening socket 2>log",
     .paths = {{{"/", may_read | may_execute}, {"/dev", may_write}}},
     .ports = {.any = true},
     .children = "the programs of control/checkers",
     .environment = "NOTIFY",
     .limits = {.memory = 512 * MiB, .open_files = 1024}},
    {.name = "shadow-spawn",
     .account = Account::shadow,
     .promises = stdio | accepts | starts,
     .kept_for_children = child_start | read_files,
     .fds = "0<listening socket 2>log",
     .paths = {{{"/etc", may_read}}},  // and the directory of shadow-check
     .children = "shadow-check",
     .environment = "NOTIFY",
     .limits = {.memory = 256 * MiB, .open_files = 256}},
    {.name = "shadow-check",
     .account = Account::shadow,
     .promises = stdio | read_files,
     .fds = "2>log 3<question",
     .inherits = Inherits::any,
     .paths = {{{"/etc", may_read}}},
     .limits = {.memory = 256 * MiB, .open_files = 16}},
    {.name = "maildirmake",
     .account = Account::caller,
     .promises = stdio | read_files | write_files,
     .fds = "2>errors",
     .paths = {{{".", may_read | may_create}}}},
};

// Never defined: a call to it in a constant expression is the compiler's message.
void program_is_not_in_the_manifest();

consteval const Row& row_of(std::string_view name) {
  for (const Row& row : manifest)
    if (row.name == name) return row;
  program_is_not_in_the_manifest();
  return manifest[0];
}

}  // namespace postern
