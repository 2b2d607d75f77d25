// login_session - the AUTHORIZATION state of POP3 (RFC 1939 §4, RFC 2595, RFC 5034)
//
// Knows nobody's password and opens nobody's mailbox: it carries words between a stranger and authd, and hands the stranger to
// auth/login with the ticket that authd gave. Every line is bounded, tries are few, and none goes without TLS off loopback.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lib/net/sasl_server.h"
#include "pop3d/line_peeker.h"
#include "pop3d/pop3_words.h"

namespace postern {

// What the session needs of the world: tlsd and auth/login, or a test.
class LoginPort {
 public:
  virtual ~LoginPort() = default;
  // Makes descriptors 0 and 1 the plaintext of a handshake with the client; the context for authd.
  virtual Result<AuthContext> start_tls() = 0;
  // Empty: the client has its session. A line for it: it has none. An error: all that may be said was said.
  virtual Result<std::string> hand_over(const std::string& ticket, bool is_utf8) = 0;
};

struct LoginClient {
  std::string address;      // IP address as text; or empty
  bool is_private = false;  // TLS, or nothing between
  bool has_tls = false;
};

class LoginSession {
 public:
  LoginSession(std::string_view me, LoginClient client, AuthContext context, AuthPort& auth, LoginPort& port, int in,
               ResponseWriter& out);

  void run();

 private:
  struct Verb {
    std::string_view name;
    Status (LoginSession::*act)(const Pop3Command& command);
  };
  static const Verb verbs[];

  Status converse();
  Status say(std::string_view line);
  Status refuse(std::string_view line);
  void end(std::string_view why);
  Status conclude(SaslServer::Step step);
  Status succeed(const SaslServer::Step& step);
  Status fail(const SaslServer::Step& step);

  Status capa(const Pop3Command& command);
  Status stls(const Pop3Command& command);
  Status user(const Pop3Command& command);
  Status pass(const Pop3Command& command);
  Status auth(const Pop3Command& command);
  Status utf8(const Pop3Command& command);
  Status lang(const Pop3Command& command);
  Status quit(const Pop3Command& command);

  std::string me_;
  LoginClient client_;
  AuthPort& auth_;
  LoginPort& port_;
  LinePeeker in_;
  ResponseWriter& out_;
  std::optional<SaslServer> sasl_;
  std::optional<std::string> user_;
  Deadline session_end_;
  bool is_utf8_ = false;
  bool is_over_ = false;
  unsigned bad_commands_ = 0;
  unsigned failed_ = 0;
  std::string why_ = "connection-closed";
};

}  // namespace postern
