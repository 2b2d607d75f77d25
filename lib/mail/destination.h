// destination - where mail for another host is taken: what queue-send schedules by, and one `remote` serves
//
//   example.org               the MX hosts of that domain (U-labels as the client sent them)
//   [192.0.2.1]               an address literal of a recipient (RFC 5321 §4.1.3)
//   relay.example:587         a route of control/smtproutes: that host's addresses, no MX
//   relay.example:587 alice   likewise, logging in with the password that smtproutes has for that name
//
// The text is the value: two recipients with one text can share a connection.
#pragma once

#include <cstdint>
#include <string>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/mail/domain.h"

namespace postern {

constexpr std::size_t longest_relay_user = 255;

class Destination {
 public:
  static Result<Destination> parse(Wire text);
  static Destination of(const Domain& domain) { return Destination{domain, 0, {}}; }
  static Result<Destination> relay(const Domain& host, std::uint16_t port, std::string user);  // user: graphic ASCII, or empty

  bool is_relay() const { return port_ != 0; }
  const Domain& host() const { return host_; }
  std::uint16_t port() const { return port_; }       // of a relay
  const std::string& user() const { return user_; }  // of a relay; empty: nobody logs in
  std::string text() const;                          // parse(text()) gives this back
  friend bool operator==(const Destination&, const Destination&) = default;

 private:
  Destination(Domain host, std::uint16_t port, std::string user) : host_(std::move(host)), port_(port), user_(std::move(user)) {}
  Domain host_;
  std::uint16_t port_;
  std::string user_;
};

}  // namespace postern
