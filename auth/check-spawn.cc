// check-spawn - ask programs with checkpassword's interface whether a password is right
//
// run by   its s6 service, as pn-check; asked by authd
// fds      0 listening socket (lib/net/checker_protocol.h)   2 > log
// files    reads control/checkers        starts  the programs of control/checkers
// exits    0 told to stop and nothing runs   100 started without its socket   111 system trouble
// see      check-spawn(8), doc/protocols.md
//
// It holds no secret but the passwords that it hands on. What it starts is the operator's choice, so its filter is as wide as
// programs that nobody has seen need; its user, and no right to write a file, are the wall.
#include <fcntl.h>
#include <signal.h>

#include "auth/check_server.h"
#include "lib/mail/checkers.h"
#include "lib/os/confine.h"
#include "lib/os/control.h"
#include "lib/os/io.h"
#include "lib/os/program.h"
#include "lib/os/signals.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

constexpr int listener = 0;
// A checker that is content runs the words behind its own. These print what it set, each with a NUL behind it: that they ran
// is the only sign of success that is taken, and USER says whose login it is.
constexpr std::string_view teller[] = {"/usr/bin/env", "-0"};

class Programs final : public CheckSource {
 public:
  explicit Programs(const Control& control) : control_(control) {}

  Result<std::vector<std::vector<std::string>>> programs_for(const CheckQuestion& question) override {
    std::vector<std::vector<std::string>> programs;
    auto const login = Login::parse(Wire{question.login});
    if (!login) return programs;  // nobody has a mailbox of that name
    auto const lines = TRY(control_.list<"checkers">());
    if (!lines) return programs;
    for (const Checker& checker : TRY(parse_checkers(*lines))) {
      if (checker.is_shadow() || !checker.is_for(*login)) continue;
      programs.push_back(checker.words());
      for (std::string_view const word : teller) programs.back().emplace_back(word);
    }
    return programs;
  }

  Result<std::string> login_of(const CheckQuestion& question, std::string_view printed) override {
    if (!printed.ends_with('\0')) return permanent("it ended with 0 and did not run the words behind its own");
    constexpr std::string_view user = "USER=";
    for (std::string_view rest = printed; !rest.empty();) {
      std::string_view const entry = rest.substr(0, rest.find('\0'));
      rest.remove_prefix(entry.size() + 1);
      if (!entry.starts_with(user)) continue;
      Login const login = TRY(Login::parse(Wire{entry.substr(user.size())}));
      return login.text();
    }
    Login const login = TRY(Login::parse(Wire{question.login}));
    return login.text();
  }

  void end(pid_t pid) override { kill(-pid, SIGKILL); }  // and what it started

 private:
  const Control& control_;
};

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  TRY(check_service(ServiceSocket::listening));
  Control const control = TRY(Control::open());
  Accounts const accounts = TRY(Accounts::read(control.directory()));
  Fd nothing{open("/dev/null", O_RDWR | O_CLOEXEC)};
  if (!nothing.is_open()) return system_error("open /dev/null");
  Fd const signals = TRY(signal_events({SIGTERM, SIGCHLD}));
  TRY(set_nonblocking(listener));
  TRY(confine());
  Programs programs{control};
  CheckServer server{programs, accounts.uid_of(Account::auth), std::move(nothing)};
  notify_ready(args.variable("NOTIFY").value_or(""));
  return server.run(Listener{listener}, signals);
}
