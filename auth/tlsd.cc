// tlsd - the TLS of a connection that somebody else's program has: a process for each
//
// usage    tlsd server | tlsd client
// run by   its two s6 services: `server` as pn-tls, asked by smtpd and the logins; `client` as pn-tlsc, asked by remote
// fds      0 listening socket (a request and the network's socket; then a line of facts and the plaintext)   2 > log
// files    server: reads tls/certs/*.pem, at the start and at SIGHUP; client: the bundle that control/cabundle names
// starts   nothing
// exits    0 told to stop (client: SIGHUP too), or to be started anew   100 a setting is wrong   111 not now, try again
// see      tlsd(8), cert(8), doc/protocols.md
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "auth/key_provider.h"
#include "auth/tls_parent.h"
#include "auth/tls_session.h"
#include "lib/os/confine.h"
#include "lib/os/control.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/program.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

constexpr std::string_view usual_bundle = "/etc/ssl/certs/ca-certificates.crt";
constexpr auto a_day = Milliseconds{24h};

class Server : public TlsRole {
 public:
  Server(ServerState state, Directory certificates, std::string me)
      : state_(std::move(state)), certificates_(std::move(certificates)), me_(std::move(me)) {}

  void serve(Fd asker) override { serve_as_server(std::move(asker), state_); }
  bool hang_up() override {
    auto loaded = TlsCertificates::load(certificates_, me_);
    if (loaded)
      state_.certificates = *std::move(loaded);
    else
      LogLine{"certificates"}.add("error", loaded.error().text()).add("counts", "what was before").write();
    tell();
    return true;
  }
  Deadline look_after() override {
    if (auto const rolled = state_.tickets.roll_when_due(); !rolled)
      LogLine{"tickets"}.add("error", rolled.error().text()).write();
    if (warns_.has_passed()) tell();
    return warns_.or_sooner(state_.tickets.due());
  }

 private:
  void tell() {
    LogLine{"certificates"}.add("number", std::uint64_t{state_.certificates.size()}).write();
    state_.certificates.warn(time(nullptr));
    warns_ = Deadline::in(a_day);
  }

  ServerState state_;
  Directory certificates_;
  std::string me_;
  Deadline warns_ = Deadline::in(0ms);
};

// A bundle is taken up by a new process: once a day, and when told to.
class Client : public TlsRole {
 public:
  explicit Client(ClientState state) : state_(std::move(state)) {}
  void serve(Fd asker) override { serve_as_client(std::move(asker), state_); }
  bool hang_up() override { return false; }
  Deadline look_after() override { return until_; }
  bool is_over() const override { return until_.has_passed(); }

 private:
  ClientState state_;
  Deadline until_ = Deadline::in(a_day);
};

Status run_server(const Accounts& accounts, const Control& control, std::string_view notify) {
  std::string me = TRY(control.me());
  TRY(KeyProvider::start(ask_tlskeyd, nullptr));
  auto directory = TRY(Directory::open("tls/certs"));
  auto certificates = TRY(TlsCertificates::load(directory, me));
  ServerState state{TRY(make_server_context()), std::move(certificates), TRY(TicketKeys::make())};
  auto const other_end = TRY(make_client_context({}));
  TRY(warm_up(state.context.get(), other_end.get()));
  Server server{std::move(state), std::move(directory), std::move(me)};
  TlsParent parent{server, {accounts.uid_of(Account::smtp), accounts.uid_of(Account::submit), accounts.uid_of(Account::login)}};
  TRY(parent.prepare());
  TRY(confine());
  return parent.run(notify);
}

Result<std::string> find_bundle(const Control& control) {
  auto const named = TRY(control.line<"cabundle">());
  if (named && access(named->c_str(), R_OK) != 0) return system_error("read the bundle of control/cabundle:", *named);
  if (named) return *named;
  if (access(usual_bundle.data(), R_OK) == 0) return std::string{usual_bundle};
  LogLine{"bundle"}.add("missing", usual_bundle).add("verifies", "DANE only").write();
  return std::string{};
}

Status run_client(const Accounts& accounts, const Control& control, std::string_view notify) {
  ClientState state{TRY(make_client_context(TRY(find_bundle(control))))};
  auto const other_end = TRY(make_server_context());
  TRY(warm_up(other_end.get(), state.context.get()));
  Client client{std::move(state)};
  TlsParent parent{client, {accounts.uid_of(Account::remote)}};
  TRY(parent.prepare());
  TRY(confine());
  return parent.run(notify);
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  bool const is_server = args.arguments.size() == 1 && args.arguments[0] == "server";
  if (!is_server && (args.arguments.size() != 1 || args.arguments[0] != "client"))
    return permanent("usage: tlsd server | tlsd client");
  TRY(check_service(ServiceSocket::listening));
  auto const control = TRY(Control::open());
  auto const accounts = TRY(Accounts::read(control.directory()));
  if (!start_openssl()) return temporary("OpenSSL does not start:", openssl_reason());
  std::string_view const notify = args.variable("NOTIFY").value_or(std::string_view{});
  return is_server ? run_server(accounts, control, notify) : run_client(accounts, control, notify);
}
