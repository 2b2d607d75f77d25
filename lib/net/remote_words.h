// remote_words - what another host said of a delivery, in the one line that log, state file and bounce carry
//
//   5.1.1 mx.example.org[192.0.2.1] said: 550 5.1.1 no such user      status, host, address, reply
//   2.0.0 mx.example.org[192.0.2.1] (TLSv1.3 TLS_AES_256_GCM_SHA384 verified) said: 250 2.0.0 Ok    ... and it was over TLS
//   4.4.1 example.org: no host took the connection                    status, host, what happened; nobody replied
//   4.4.7 given up, ...; the last try: 4.2.0 mx.example.org[...       either of them, behind words of queue-send
//
// The reply is the other side's own and may hold any printable text; what stands in front of it is ours, so it is found
// from the left. Bounces take Remote-MTA and Diagnostic-Code from here (RFC 3464 §2.3.5, §2.3.6).
#pragma once

#include <optional>
#include <string>

#include "lib/core/wire.h"
#include "lib/net/ip.h"
#include "lib/net/tls_protocol.h"

namespace postern {

struct RemoteReply {
  std::string status;  // RFC 3463: "5.1.1"
  std::string host;    // as DNS or control/smtproutes named it
  IpAddress address;
  std::string reply;     // code and text on one line; lines are joined by " / "
  std::string tls = {};  // protocol, cipher, and how the host's certificate was verified; empty: it was not over TLS

  std::string text() const;
  static std::optional<RemoteReply> parse(Wire text);  // nothing: the text is of another kind, or cut too short
};

// Of a connection: "TLSv1.3 TLS_AES_256_GCM_SHA384 dane", or "verified" (chain and name), or "untrusted".
std::string tls_words(const TlsFacts& facts);
std::string_view tls_of(std::string_view text);  // those words out of a RemoteReply's text, or nothing
std::string_view tls_verified_name(TlsVerified verified);

// Nobody replied: why, in our words.
std::string remote_trouble(std::string_view status, std::string_view host, std::string_view what);

// Tried until it was too late: the status (RFC 3463 §3.5), and what was said last. last_try() takes that off again; of a
// text that is not given_up()'s it is all.
std::string given_up(std::string_view last_words);
std::string_view last_try(std::string_view text);

}  // namespace postern
