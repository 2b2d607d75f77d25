// pop3-login - speak POP3 with a stranger until it has logged in
//
// usage    pop3-login [tls]      tls: TLS begins at once (RFC 8314 §3.2), as on port 995
// run by   tcplisten, tcpserver or s6-tcpserver, as pn-login
// fds      0 < client, a socket   1 > client   2 > log
// files    reads control/        starts  nothing
// talks to run/tlsd/s, run/authd/s, run/login/s
// exits    0 the session is over, or pop3d has it   100 control/ is wrong   111 not now, try again
// see      pop3-login(8)
//
// SPDX-License-Identifier: 0BSD
#include <sys/socket.h>
#include <unistd.h>

#include "lib/net/ip.h"
#include "lib/net/login_protocol.h"
#include "lib/net/tls_client.h"
#include "lib/os/control.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/program.h"
#include "lib/os/socket.h"
#include "pop3d/login_session.h"

namespace postern {
namespace {

constexpr Milliseconds tls_patience = 70s;  // tlsd ends a handshake itself, sooner
constexpr Milliseconds login_patience = 15s;
constexpr std::string_view no_mailbox = "-ERR [SYS/TEMP] The mailbox cannot be opened now";

std::optional<IpAddress> address_of(const Args& args) {
  bool const is_six = args.variable("PROTO") == "TCP6" && args.variable("TCP6REMOTEIP");
  auto const text = args.variable(is_six ? "TCP6REMOTEIP" : "TCPREMOTEIP");
  auto const address = IpAddress::parse(Wire{text.value_or("")});
  return address ? std::optional{*address} : std::nullopt;
}

Status check_place() {
  bool const is_elsewhere = access("control", F_OK) != 0 && errno == ENOENT;
  if (is_elsewhere) return permanent("started outside Postern's directory: there is no control/ here; see its manual page");
  auto const client = TRY(status_of(0));
  if (!S_ISSOCK(client.st_mode)) return permanent("descriptor 0 is no socket; tcplisten starts it with one; see its manual page");
  return Done{};
}

class World final : public LoginPort {
 public:
  World(std::string service, AuthContext context, ResponseWriter& out)
      : service_(std::move(service)), context_(std::move(context)), out_(out) {}

  Result<AuthContext> start_tls() override {
    auto tlsd = connect_tlsd();
    if (!tlsd) {
      out_.line("-ERR [SYS/TEMP] TLS cannot be had now");
      return std::move(tlsd).error();
    }
    out_.line("+OK Begin TLS");
    TRY(out_.flush());
    return begin_tls(*std::move(tlsd));
  }

  // From the first byte on, on a port of its own.
  Result<AuthContext> start_with_tls() { return begin_tls(TRY(connect_tlsd())); }

  Result<std::string> hand_over(const std::string& ticket, bool is_utf8) override {
    auto const login = connect_stream_at_once(service_socket("login"));
    if (!login) return not_opened(login.error());
    Deadline const deadline = Deadline::in(login_patience);
    auto const sent =
        send_with_fd(login->number(), LoginRequest{"pop3", ticket, is_utf8, login_offer_on(context_)}.encoded(), 0, deadline);
    if (!sent) return not_opened(sent.error());
    char answer = 0;
    if (auto const answered = read_exactly(login->number(), {&answer, 1}, deadline); !answered) {
      shutdown(0, SHUT_RDWR);  // perhaps pop3d speaks already: neither it nor we say another word
      return answered.error();
    }
    if (answer == static_cast<char>(LoginAnswer::started)) return std::string{};
    if (answer == static_cast<char>(LoginAnswer::many)) return std::string{"-ERR [IN-USE] Too many sessions"};
    return std::string{no_mailbox};
  }

 private:
  Error not_opened(const Error& error) {
    out_.line(no_mailbox);
    return error;
  }

  // No copy of the network's socket stays.
  Result<AuthContext> begin_tls(Fd tlsd) {
    auto connection = TRY(tls_accept(std::move(tlsd), 0, TlsService{service_, context_.client}, Deadline::in(tls_patience)));
    if (dup2(connection.plaintext.number(), 0) < 0 || dup2(connection.plaintext.number(), 1) < 0) return system_error("dup2");
    LogLine{"tls"}
        .add("client", context_.client)
        .add("protocol", connection.facts.protocol)
        .add("cipher", connection.facts.cipher)
        .write();
    context_.is_private = true;
    context_.exporter = std::move(connection.facts.exporter);
    context_.end_point = std::move(connection.facts.end_point);
    return context_;
  }

  std::string service_;  // as tlsd is told it
  AuthContext context_;
  ResponseWriter& out_;
};

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  bool const begins_with_tls = args.arguments.size() == 1 && args.arguments[0] == "tls";
  if (!args.arguments.empty() && !begins_with_tls)
    return permanent("usage: pop3-login [tls], in Postern's directory with a client's socket on descriptors 0 and 1");
  TRY(check_place());
  Control const control = TRY(Control::open());
  std::string const me = TRY(control.me());
  TRY(confine());
  auto const address = address_of(args);
  LoginClient client{address ? address->text() : std::string{}, address && address->is_loopback(), begins_with_tls};
  AuthContext context{"pop3", client.address, client.is_private, {}, {}};
  ResponseWriter out{1};
  World world{begins_with_tls ? "pop3s" : "pop3", context, out};
  LogLine{"connect"}.add("client", client.address).write();
  if (begins_with_tls) {
    auto started = world.start_with_tls();
    if (!started) {
      LogLine{"tls"}.add("client", client.address).add("error", started.error().text()).write();
      return Done{};
    }
    context = *std::move(started);
    client.is_private = true;
  }
  AuthService auth;
  LoginSession session{me, std::move(client), std::move(context), auth, world, 0, out};
  session.run();
  return Done{};
}
