// countd - count how often something happened in the last minute, hour and day, in memory
//
// run by   its s6 service, as pn-count; asked by smtpd, the logins and authd
// fds      0 listening socket (lib/net/count_client.h)   2 > log
// files    none after the start        starts  nothing
// exits    0 told to stop   100 started without its socket   111 system trouble
// see      countd(8), doc/protocols.md
#include <signal.h>

#include "auth/count_server.h"
#include "lib/os/account.h"
#include "lib/os/control.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/program.h"
#include "lib/os/signals.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

constexpr int listener = 0;

Result<CountServer> make_server(const Fd& signals) {
  auto const control = TRY(Control::open());
  auto const accounts = TRY(Accounts::read(control.directory()));
  return CountServer::make({accounts.uid_of(Account::smtp), accounts.uid_of(Account::submit), accounts.uid_of(Account::login),
                            accounts.uid_of(Account::auth)},
                           listener, signals.number());
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  TRY(check_service(ServiceSocket::listening));
  auto const signals = TRY(signal_events({SIGTERM}));
  TRY(set_nonblocking(listener));
  auto server = TRY(make_server(signals));
  TRY(confine());
  LogLine{"start"}.write();
  notify_ready(args.variable("NOTIFY").value_or(std::string_view{}));
  return server.run();
}
