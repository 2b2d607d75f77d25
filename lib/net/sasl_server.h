// sasl_server - a server's side of AUTH, for SMTP, POP3 and IMAP alike (RFC 4422; PLAIN RFC 4616, LOGIN, SCRAM-SHA-256 RFC 5802,
// 7677 and -PLUS, RFC 9266, 5929)
//
// The protocol carries base64 lines between the client and this: start() with the mechanism and the initial response, if there
// was one, then next() with each line that the client answers, until the step is no challenge. Whatever a client sends ends in
// one of the kinds; every message is bounded.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/core/clock.h"
#include "lib/net/auth_client.h"
#include "lib/net/login_protocol.h"

namespace postern {

LoginOffer login_offer_on(const AuthContext& context);

class SaslServer {
 public:
  // longest line of a client that can mean anything, without its line end (RFC 4954 §4: 12288 is what SMTP asks for)
  static constexpr std::size_t longest_line = 12288;

  enum class Kind : unsigned char {
    challenge,  // `text` goes to the client, in base64 (it may be empty)
    success,    // `login` is who it is; `ticket` for auth/login
    failure,    // a wrong login or password; already slow
    shut,       // right or wrong, this login may not log in here
    malformed,  // base64 or message that is none
    cancelled,  // the client sent "*"
    unknown,    // no such mechanism here
    too_weak,   // a password over a connection that is not private
    later,      // authd cannot say now
  };
  struct Step {
    Kind kind;
    std::string text = {};
    std::string login = {};   // of success; of others what was typed, if anything, for the log
    std::string ticket = {};  // of success
    std::string error = {};   // for the log
  };

  SaslServer(AuthPort& port, AuthContext context) : port_(port), context_(std::move(context)) {}

  // Those that can be used on this connection; and their names with blanks between, for EHLO and CAPA.
  LoginOffer offer() const { return login_offer_on(context_); }
  std::string_view mechanisms() const { return sasl_mechanisms(offer()); }
  // The initial response in base64 as it was sent; "=" is an empty one; nothing: none was sent.
  Step start(std::string_view mechanism, std::optional<std::string_view> initial, Deadline deadline);
  Step next(std::string_view line, Deadline deadline);
  // USER and PASS of POP3, LOGIN of IMAP: a login and a password as they were typed.
  Step check(std::string_view login, std::string_view password, Deadline deadline);

 private:
  enum class State : unsigned char { idle, plain, login_name, login_password, scram_first, scram_last, scram_done };
  Step take(std::string_view message, Deadline deadline);
  Step conclude(Result<AuthAnswer> answer);

  AuthPort& port_;
  AuthContext context_;
  State state_ = State::idle;
  std::string mechanism_;
  std::string login_;
  Step outcome_{Kind::later};
};

}  // namespace postern
