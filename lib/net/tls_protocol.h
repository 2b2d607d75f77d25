// tls_protocol - how a connection is handed to tlsd, and what tlsd says of it (doc/protocols.md)
//
// The asker connects to run/tlsd/s (this host is the server) or run/tlsc/s (it is the client) and sends one record, with the
// network's socket: four bytes of length (big-endian, at most tls_request_most), a letter, netstrings.
//   S  service, client's address               C  server name, mode, name..., and TLSA records
// tlsd answers with one line, ended by LF: "ok" and TlsFacts in netstrings, "no REASON" (the peer's doing), or "own REASON"
// (this host's: no certificate, no tlskeyd). From the byte behind facts on the same connection carries
// the plaintext, both ways. It ends as the network's connection does: close_notify ends one direction, a cut all of it.
// A session key is never in the asker's hands, and the asker closes its copy of the network's socket.
#pragma once

#include <string>
#include <vector>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/net/dns_protocol.h"

namespace postern {

constexpr std::size_t tls_request_most = 72u << 10;  // bytes of a record behind its head: a whole answer of DNS, and names
constexpr std::size_t tls_answer_most = 2048;        // bytes of the line, LF included

// This host is the server. Sessions are resumed within a service and not across services.
struct TlsService {
  std::string service;  // "smtp", "submission", "submissions", "pop3", "pop3s": a-z and 0-9, at most 16
  std::string client;   // the client's IP address as text, for the log; or empty

  std::string encoded() const;
  static Result<TlsService> parse(Wire body);
  friend bool operator==(const TlsService&, const TlsService&) = default;
};

// This host is the client.
struct TlsWanted {
  enum class Mode : char {
    any = 'o',   // opportunistic: whatever certificate it has; facts say whether it would have passed
    name = 'v',  // a chain to the CA bundle, and one of `names` in the certificate (RFC 6125); else the handshake fails
    dane = 'd',  // one of `tlsa` fits (RFC 7671, 7672: usages 2 and 3 only); with 2 also one of `names`; else it fails
  };
  std::string server_name;  // SNI: a host name in A-labels, lower case; empty for an address
  Mode mode = Mode::any;
  std::vector<std::string> names;  // host names in A-labels, lower case; at most 8
  std::vector<DnsTlsa> tlsa;       // at most as many as an answer of DNS has: dns_records_most

  std::string encoded() const;
  static Result<TlsWanted> parse(Wire body);
  friend bool operator==(const TlsWanted&, const TlsWanted&) = default;
};

enum class TlsVerified : char {
  none = '-',       // no certificate was asked for: this host is the server
  untrusted = 'u',  // it would not have passed; `why` says why
  name = 'v',       // chain and name
  dane = 'd',       // a TLSA record
};

struct TlsFacts {
  std::string protocol;     // "TLSv1.3"
  std::string cipher;       // "TLS_AES_256_GCM_SHA384"
  std::string server_name;  // what the client asked for (SNI), lower case; or empty
  TlsVerified verified = TlsVerified::none;
  std::string why;  // printable ASCII, at most 200 bytes
  bool is_resumed = false;
  std::string exporter;  // tls-exporter (RFC 9266): 32 bytes; empty where there is none (TLS 1.2 without RFC 7627)
  std::string
      end_point;  // tls-server-end-point (RFC 5929): a hash of this host's certificate; empty where this host is the client

  std::string encoded() const;  // the line, with its LF
  // Without its LF. A refusal is a temporary error whose where() is REASON; number() is 0 when the trouble is the peer's.
  static Result<TlsFacts> parse(Wire line);
  friend bool operator==(const TlsFacts&, const TlsFacts&) = default;
};

enum class TlsTrouble : unsigned char { peers, own };
// The line that refuses, with its LF.
std::string tls_refusal(TlsTrouble whose, std::string_view reason);

}  // namespace postern
