// login_protocol - how a login program hands its client to auth/login (doc/protocols.md)
//
// One message of login_request_size bytes over run/login/s, with the client's descriptor: the service, blanks up to 16 bytes; the
// ticket that authd gave, 32 hexadecimal digits; u when the client asked for UTF-8, else -; and what it was offered to log in
// with. The answer is one byte. After Y the mailbox's program has the client, and the asker leaves without another byte to it.
#pragma once

#include <optional>
#include <string>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/net/auth_protocol.h"

namespace postern {

constexpr std::size_t login_service_most = 16;
constexpr std::size_t login_request_size = login_service_most + ticket_length + 2;

// The ways to log in that a connection has, said before the login and behind it (RFC 2449 §5): who took some away on the way is
// found out.
enum class LoginOffer : char {
  scram = '-',      // no password as it is
  passwords = 'p',  // these, too
  binding = 'b',    // and -PLUS
};
std::optional<LoginOffer> login_offer(char letter);
std::string_view sasl_mechanisms(LoginOffer offer);

struct LoginRequest {
  std::string service;  // a-z and digits, at most login_service_most
  std::string ticket;
  bool is_utf8 = false;  // RFC 6856 §2.1
  LoginOffer offer = LoginOffer::scram;

  std::string encoded() const;
  static Result<LoginRequest> parse(Wire message);
  friend bool operator==(const LoginRequest&, const LoginRequest&) = default;
};

enum class LoginAnswer : char {
  started = 'Y',
  failed = 'N',  // not now, or the ticket is none
  many = 'M',    // this mailbox, or this host, has as many sessions as it may have
};

}  // namespace postern
