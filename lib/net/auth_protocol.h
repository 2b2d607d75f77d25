// auth_protocol - how authd is asked whether somebody is who he says (doc/protocols.md)
//
// Records over run/authd/s, for pn-submit and pn-login: four bytes of length (big-endian, at most auth_record_most), a letter,
// netstrings. One question at a time on a connection, any number one after the other. Base64 is taken off by the asker.
//   asker   P  context..., login, password                         PLAIN, LOGIN, USER and PASS
//           F  context..., mechanism, client-first-message         SCRAM (RFC 5802, 7677)
//           L  client-final-message
//   authd   C  server-first-message                                L is wanted
//           Y  login, ticket, server-final-message                 who it is; a ticket for auth/login's services, else empty
//           N  reason, text                                        b bad, d this login is shut, s not for this service, l later
// A context is: service, client's address, "p" when the connection is private or nothing, exporter, end point.
// An answer to what is wrong comes at a fixed time after the question (and the slow-down), whatever was wrong.
#pragma once

#include <string>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

constexpr std::size_t auth_record_most = 8192;
constexpr std::size_t auth_word_most = 1024;     // bytes of a login or a password
constexpr std::size_t auth_message_most = 2048;  // of a SCRAM message
constexpr std::size_t ticket_length = 32;        // hexadecimal digits of 128 bits

struct AuthContext {
  std::string service;      // "submission", "pop3", "imap": what app passwords may be limited to
  std::string client;       // IP address as text; empty: nobody knows
  bool is_private = false;  // TLS, or nothing between
  std::string exporter;     // TlsFacts::exporter; or empty
  std::string end_point;    // TlsFacts::end_point; or empty
  friend bool operator==(const AuthContext&, const AuthContext&) = default;
};

struct AuthRequest {
  enum class Kind : char { password = 'P', first = 'F', last = 'L' };
  Kind kind = Kind::password;
  AuthContext context;    // not of `last`
  std::string login;      // of a password: what was typed, any bytes but NUL
  std::string password;   // likewise
  std::string mechanism;  // of `first`: "SCRAM-SHA-256" or "SCRAM-SHA-256-PLUS"
  std::string message;    // of `first` and `last`

  std::string encoded() const;
  static Result<AuthRequest> parse(Wire body);
  friend bool operator==(const AuthRequest&, const AuthRequest&) = default;
};

struct AuthAnswer {
  enum class Kind : char { challenge = 'C', yes = 'Y', no = 'N' };
  enum class Reason : char { bad = 'b', shut = 'd', service = 's', later = 'l' };
  Kind kind = Kind::no;
  std::string login;    // of yes: the login as users/passwords has it (lib/mail/login.h)
  std::string ticket;   // of yes: ticket_length digits, or empty
  std::string message;  // SCRAM's, of challenge and yes; the text of no, for the log
  Reason reason = Reason::later;

  std::string encoded() const;
  static Result<AuthAnswer> parse(Wire body);
  friend bool operator==(const AuthAnswer&, const AuthAnswer&) = default;
};

// auth/login redeems a ticket, once, at run/authd-tickets/s, which is root's: R service, ticket; the answer is
// Y name, uid, gid, home; or N text.
struct TicketRequest {
  std::string service;
  std::string ticket;
  std::string encoded() const;
  static Result<TicketRequest> parse(Wire body);
  friend bool operator==(const TicketRequest&, const TicketRequest&) = default;
};

struct TicketAnswer {
  bool is_valid = false;
  std::string name;       // the login
  std::uint32_t uid = 0;  // never 0 when valid
  std::uint32_t gid = 0;  // likewise
  std::string home;       // absolute
  std::string text;       // why not
  std::string encoded() const;
  static Result<TicketAnswer> parse(Wire body);
  friend bool operator==(const TicketAnswer&, const TicketAnswer&) = default;
};

}  // namespace postern
