// tlskeyd - sign for tlsd what a TLS server signs: the only program that holds private keys
//
// run by   its s6 service, as pn-key; asked by tlsd (pn-tls) only
// fds      0 listening socket (requests and signatures: lib/net/key_protocol.h)   2 > log
// files    reads tls/keys/*.pem, at the start and at SIGHUP
// starts   nothing
// exits    0 told to stop   100 a setting is wrong   111 not now, try again
// see      tlskeyd(8), cert(8), doc/protocols.md
#include <signal.h>

#include "auth/key_server.h"
#include "lib/os/control.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/program.h"
#include "lib/os/signals.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

void load(KeyStore& store, const Directory& keys) {
  auto const loaded = store.load(keys);
  if (!loaded)
    LogLine{"keys"}.add("error", loaded.error().text()).add("counts", "what was before").write();
  else
    LogLine{"keys"}.add("number", std::uint64_t{store.size()}).write();
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  TRY(check_service(ServiceSocket::listening));
  auto const control = TRY(Control::open());
  auto const accounts = TRY(Accounts::read(control.directory()));
  auto const keys = TRY(Directory::open("tls/keys"));
  auto const signals = TRY(signal_events({SIGTERM, SIGHUP}));
  TRY(set_nonblocking(0));
  if (!start_openssl()) return temporary("OpenSSL does not start:", openssl_reason());
  KeyStore store;
  load(store, keys);
  TRY(confine());

  KeyServer server{store, accounts.uid_of(Account::tls)};
  notify_ready(args.variable("NOTIFY").value_or(std::string_view{}));
  for (;;) {
    TRY(server.serve_until_signal(signals));
    for (int signal; (signal = next_signal(signals)) != 0;) {
      if (signal == SIGTERM) return Done{};
      load(store, keys);
    }
  }
}
