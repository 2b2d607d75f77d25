// shadow-spawn - ask shadow-check whether a password is that of a user of this system
//
// run by   its s6 service, as pn-shadow in group shadow: `shadow-spawn /path/to/shadow-check`; asked by authd
// fds      0 listening socket (lib/net/checker_protocol.h)   2 > log
// files    none after the start        starts  shadow-check, one a question
// exits    0 told to stop and nothing runs   100 wrong arguments   111 system trouble
// see      shadow-spawn(8), shadow-check(8), doc/protocols.md
//
// Its own program, so that nobody in group shadow can open a socket: it only starts the one that can read /etc/shadow.
#include <fcntl.h>
#include <signal.h>

#include "auth/check_server.h"
#include "lib/core/number.h"
#include "lib/mail/login.h"
#include "lib/os/confine.h"
#include "lib/os/control.h"
#include "lib/os/io.h"
#include "lib/os/program.h"
#include "lib/os/signals.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

constexpr int listener = 0;

class Shadow final : public CheckSource {
 public:
  explicit Shadow(std::string_view program) : program_(program) {}

  Result<std::vector<std::vector<std::string>>> programs_for(const CheckQuestion& question) override {
    return std::vector<std::vector<std::string>>{{program_, decimal(question.uid)}};
  }
  Result<std::string> login_of(const CheckQuestion& question, std::string_view) override {
    Login const login = TRY(Login::parse(Wire{question.login}));
    return login.text();
  }
  void end(pid_t) override {}  // it ends by itself, and counts as running until then

 private:
  std::string program_;
};

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  if (args.arguments.size() != 1 || !args.arguments[0].starts_with('/'))
    return permanent("usage: shadow-spawn /path/to/shadow-check, with a listening socket on descriptor 0");
  std::string_view const checker = args.arguments[0];
  TRY(check_service(ServiceSocket::listening));
  Control const control = TRY(Control::open());
  Accounts const accounts = TRY(Accounts::read(control.directory()));
  Fd nothing{open("/dev/null", O_RDWR | O_CLOEXEC)};
  if (!nothing.is_open()) return system_error("open /dev/null");
  Fd const signals = TRY(signal_events({SIGTERM, SIGCHLD}));
  TRY(set_nonblocking(listener));
  TRY(confine_with(PathRule{checker.substr(0, checker.rfind('/') + 1), may_read | may_execute}));
  Shadow shadow{checker};
  CheckServer server{shadow, accounts.uid_of(Account::auth), std::move(nothing)};
  notify_ready(args.variable("NOTIFY").value_or(""));
  return server.run(Listener{listener}, signals);
}
