// smtp_exchange - commands to another host and its replies, in step: nothing is sent while an unread reply is there
//
// An error of ask() or hear() is the end of the connection: why, in the words of a report, is trouble(). Whoever goes on after
// one asks a connection that is dead.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/core/clock.h"
#include "lib/net/ip.h"
#include "lib/net/tls_client.h"
#include "lib/os/fd.h"
#include "remote/peer_reply.h"

namespace postern {

struct MailHost {
  enum class Trust : unsigned char {
    none,  // DNSSEC does not vouch for it
    name,  // it is a host of the destination, and where its alias leads DNSSEC knows no more
    all,   // and its addresses, wherever aliases lead
  };
  std::string name;  // as DNS or control/smtproutes has it
  IpAddress address;
  Trust trust = Trust::none;
  std::string canonical = {};  // where the name's aliases end; or the name itself, or nothing
  std::string text() const { return name + "[" + address.text() + "]"; }
};

class SmtpExchange {
 public:
  SmtpExchange(Fd socket, MailHost host) : host_(std::move(host)), socket_(std::move(socket)), replies_(socket_.number()) {}

  const MailHost& host() const { return host_; }
  int socket() const { return socket_.number(); }
  ReplyReader& replies() { return replies_; }
  bool is_open() const { return trouble_.empty(); }
  bool is_encrypted() const { return !tls_.empty(); }
  const std::string& trouble() const { return trouble_; }  // "4.4.2 mx.example.org[192.0.2.1]: ..."; empty while all is well
  bool was_left() const { return end_ != End::broken; }    // the other side ended it: 421, or it closed the connection
  bool said_421() const { return end_ == End::announced; }

  // Sends whole commands. `about` is the question, for trouble(): "MAIL".
  Status ask(std::string_view commands, std::string_view about, Deadline deadline);
  // The next reply. 421 is none: it is the end (RFC 5321 §3.8).
  Result<PeerReply> hear(std::string_view about, Deadline deadline);
  // Nothing was said unasked. Else the connection ends.
  Status expect_silence(std::string_view about);

  std::string said(const PeerReply& reply) const;  // "5.1.1 mx.example.org[192.0.2.1] said: 550 5.1.1 no such user"
  // Ends the connection: what happened, in our words.
  Error fail(std::string_view status, std::string_view what);
  Error fail(const Error& error, std::string_view about);
  Error turn_away(const PeerReply& reply);  // its reply is the trouble
  // Hands the network's socket to `tlsc` and goes on with its plaintext; the caller begins afresh (RFC 3207 §4.2). Nothing may
  // have come that was not read: that would be taken for the encrypted side's. An error is tls_connect()'s: all is lost.
  Result<TlsFacts> start_tls(Fd tlsc, const TlsWanted& wanted, Deadline deadline);
  void say_goodbye();

 private:
  MailHost host_;
  Fd socket_;
  ReplyReader replies_;
  std::string trouble_;
  std::string tls_;  // in the words of a reply; empty: in the clear
  enum class End : unsigned char { broken, closed, announced } end_ = End::broken;
};

}  // namespace postern
