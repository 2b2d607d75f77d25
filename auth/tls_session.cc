#include "auth/tls_session.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>

#include "auth/key_provider.h"
#include "auth/tls_relay.h"
#include "lib/net/record.h"
#include "lib/os/confine.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

constexpr auto signature_time = Milliseconds{20s};

// Of this process, which serves one connection.
Fd tlskeyd;
std::string tlskeyd_trouble;

Result<KeyAnswer> ask(const KeyRequest& request) {
  Deadline const deadline = Deadline::in(signature_time);
  TRY(write_all(tlskeyd.number(), request.encoded(), deadline));
  std::array<char, record_head> head;
  TRY(read_exactly(tlskeyd.number(), head, deadline));
  std::string body(TRY(record_body_length(Wire{std::string_view{head.data(), head.size()}}, key_answer_most)), '\0');
  TRY(read_exactly(tlskeyd.number(), body, deadline));
  return KeyAnswer::parse(Wire{body});
}

struct Asked {
  std::string body;
  Fd network;
};

Result<Asked> read_request(int asker) {
  Deadline const deadline = Deadline::in(request_time);
  TRY(wait_readable(asker, deadline));
  std::array<char, record_head> head;
  Received received = TRY(receive_with_fd(asker, head));
  if (received.bytes == 0) return permanent("the asker says nothing");
  if (!received.fd.is_open()) return permanent("the request comes without a socket");
  TRY(read_exactly(asker, std::span{head}.subspan(received.bytes), deadline));
  std::string body(TRY(record_body_length(Wire{std::string_view{head.data(), head.size()}}, tls_request_most)), '\0');
  TRY(read_exactly(asker, body, deadline));
  TRY(set_nonblocking(received.fd.number()));
  return Asked{std::move(body), std::move(received.fd)};
}

class Session {
 public:
  explicit Session(Fd asker) : asker_(std::move(asker)) {}
  int asker() const { return asker_.number(); }
  void name(std::string_view service, std::string_view peer) {
    service_ = service;
    peer_ = peer;
  }

  void refuse(TlsTrouble whose, std::string_view reason) {
    line(LogLine{"refused"}).add("whose", whose == TlsTrouble::own ? "ours" : "the peer's").add("reason", reason).write();
    std::string const said = tls_refusal(whose, reason);
    [[maybe_unused]] auto const sent = send(asker(), said.data(), said.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  void refuse(const Error& error) { refuse(TlsTrouble::own, error.text()); }

  // False: it failed, and all that is to be said has been said.
  bool shake_hands(SSL* ssl, int network) {
    Deadline const deadline = Deadline::in(handshake_time);
    SSL_set_fd(ssl, network);
    for (;;) {
      ERR_clear_error();
      int const result = SSL_do_handshake(ssl);
      if (result == 1) return true;
      short waits = 0;
      switch (SSL_get_error(ssl, result)) {
        case SSL_ERROR_WANT_READ:
          waits = POLLIN;
          break;
        case SSL_ERROR_WANT_WRITE:
          waits = POLLOUT;
          break;
        default:
          fail(ssl);
          return false;
      }
      pollfd waiting[2] = {{network, waits, 0}, {asker(), 0, 0}};
      if (poll(waiting, 2, deadline.poll_timeout()) < 0 && errno != EINTR) return refuse(system_error("poll")), false;
      if (waiting[1].revents != 0) return line(LogLine{"abandoned"}).write(), false;
      if (deadline.has_passed()) return refuse(TlsTrouble::peers, "the handshake takes too long"), false;
    }
  }

  void go_on(SSL* ssl, int network, const TlsFacts& facts) {
    LogLine begun = line(LogLine{"secured"});
    begun.add("protocol", facts.protocol).add("cipher", facts.cipher).add("sni", facts.server_name);
    if (facts.verified != TlsVerified::none)
      begun.add("verified", std::string_view{reinterpret_cast<const char*>(&facts.verified), 1});
    if (!facts.why.empty()) begun.add("why", facts.why);
    if (facts.is_resumed) begun.add("resumed", "yes");
    begun.write();
    if (!write_all(asker(), facts.encoded(), Deadline::in(request_time))) return line(LogLine{"abandoned"}).write();
    if (auto const ready = set_nonblocking(asker()); !ready)
      return line(LogLine{"failed"}).add("error", ready.error().text()).write();
    RelayEnd const end = relay(ssl, network, asker());
    line(LogLine{"end"}).add("how", end.how).add("in", end.from_network).add("out", end.to_network).write();
  }

 private:
  // With the names of what it is about.
  LogLine line(LogLine text) const {
    if (!service_.empty()) text.add("service", service_);
    if (!peer_.empty()) text.add("peer", peer_);
    return text;
  }

  void fail(SSL* ssl) {
    if (!tlskeyd_trouble.empty()) return refuse(TlsTrouble::own, "tlskeyd: " + tlskeyd_trouble);
    std::string const wrong = SSL_is_server(ssl) ? std::string{} : verify_trouble(ssl);
    bool const is_cut = ERR_peek_error() == 0 || ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    std::string const reason = openssl_reason();
    if (is_cut) return refuse(TlsTrouble::peers, "the peer cuts the connection in the handshake");
    refuse(TlsTrouble::peers, wrong.empty() ? reason : reason + ": " + wrong);
  }

  Fd asker_;
  std::string service_, peer_;
};

}  // namespace

KeyAnswer ask_tlskeyd(void*, const KeyRequest& request) {
  auto const answer = ask(request);
  if (answer && !answer->signature.empty()) return *answer;
  tlskeyd_trouble = answer ? answer->why : answer.error().text();
  if (tlskeyd_trouble.empty()) tlskeyd_trouble = "no signature";
  return {};
}

void serve_as_server(Fd asker, ServerState& state) {
  Session session{std::move(asker)};
  bool const has_certificates = !state.certificates.is_empty();
  Error unreachable = temporary("");
  if (has_certificates) {
    auto connection = connect_stream_at_once(service_socket("tlskeyd"));
    if (connection)
      tlskeyd = *std::move(connection);
    else
      unreachable = connection.error();
  }
  if (auto const confined = confine_child(); !confined) return session.refuse(confined.error());
  auto const asked = read_request(session.asker());
  if (!asked) return session.refuse(asked.error());
  auto const wanted = TlsService::parse(Wire{asked->body});
  if (!wanted) return session.refuse(wanted.error());
  session.name(wanted->service, wanted->client);
  if (!has_certificates) return session.refuse(TlsTrouble::own, "there is no certificate in tls/certs");
  if (!tlskeyd.is_open()) return session.refuse(unreachable);

  ServerSide side{&state.certificates, state.tickets.of_service(wanted->service)};
  state.tickets.forget();
  auto const ssl = make_server(state.context.get(), wanted->service, side);
  if (!ssl) return session.refuse(ssl.error());
  if (!session.shake_hands(ssl->get(), asked->network.number())) return;
  tlskeyd.close();
  SSL_set_app_data(ssl->get(), nullptr);
  side.tickets.forget();
  session.go_on(ssl->get(), asked->network.number(), server_facts(ssl->get(), state.certificates));
}

void serve_as_client(Fd asker, ClientState& state) {
  Session session{std::move(asker)};
  if (auto const confined = confine_child(); !confined) return session.refuse(confined.error());
  auto const asked = read_request(session.asker());
  if (!asked) return session.refuse(asked.error());
  auto const wanted = TlsWanted::parse(Wire{asked->body});
  if (!wanted) return session.refuse(wanted.error());
  session.name("client", wanted->server_name);
  auto const ssl = make_client(state.context.get(), *wanted);
  if (!ssl) return session.refuse(ssl.error().is_permanent() ? TlsTrouble::peers : TlsTrouble::own, ssl.error().text());
  if (!session.shake_hands(ssl->get(), asked->network.number())) return;
  session.go_on(ssl->get(), asked->network.number(), client_facts(ssl->get(), *wanted));
}

}  // namespace postern
