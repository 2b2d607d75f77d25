// authd - says whether somebody is who he says: the only program that holds hashes of passwords
//
// run by   its s6 service, as pn-auth; asked by submission's smtpd and the login programs, and, for tickets, by auth/login
// fds      0 listening socket (lib/net/auth_protocol.h)   1 listening socket of tickets, root's   2 > log
// files    reads users/passwords, users/seed, users/cdb, control/me, locals, virtualdomains and trustedclients
// starts   nothing; forks children that hash
// exits    0 told to stop   100 it was started wrongly   111 not now, try again
// see      authd(8), doc/protocols.md, doc/architecture.md
#include <openssl/crypto.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>

#include <algorithm>

#include "auth/auth_server.h"
#include "auth/secret_digest.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/program.h"
#include "lib/os/signals.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

constexpr int askers = 0, tickets = 1;
constexpr unsigned most_workers = 16;

// As many as may run at once.
unsigned cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::clamp(static_cast<unsigned>(CPU_COUNT(&set)), 1u, most_workers);
}

// libcrypto looks for its algorithms with the first digest, and must read no file for it.
Status prepare_digests() {
  if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) != 1) return temporary("libcrypto does not start");
  hmac_sha256("key", sha256("message"));
  return Done{};
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  TRY(check_service(ServiceSocket::listening));
  if (!TRY(is_listening_socket(tickets))) return permanent("descriptor 1 is no listening socket; see authd(8)");
  auto const control = TRY(Control::open());
  auto const accounts = TRY(Accounts::read(control.directory()));
  auto const signals = TRY(signal_events({SIGTERM, SIGHUP}));
  TRY(set_nonblocking(askers));
  TRY(set_nonblocking(tickets));
  unsigned const workers = cores();
  TRY(prepare_digests());
  Fd const events{epoll_create1(EPOLL_CLOEXEC)};
  if (!events.is_open()) return system_error("epoll_create1");
  auto checker = TRY(LoginChecker::open());
  TRY(confine());

  TRY(checker.start_workers(workers, events.number()));
  AuthServer server{checker, accounts, events.number()};
  TRY(server.listen(askers, tickets, signals.number()));
  LogLine{"start"}.add("hashes-at-once", std::uint64_t{workers}).write();
  notify_ready(args.variable("NOTIFY").value_or(std::string_view{}));
  return server.serve();
}
