// smtpd - receives mail by SMTP: from strangers, or with `submission` or `submissions` from those who log in
//
// run by   tcplisten, tcpserver, s6-tcpserver or a shell, as pn-smtp; as pn-submit for those who log in
// fds      0 < client   1 > client   2 > log
// files    reads control/, users/cdb, names of tls/certs; when asked for a mailbox, users/full        starts  nothing
// talks to run/queue-trusted/s, with the first message; run/tlsd/s; for those who log in run/authd/s and run/countd/s
// exits    0 the session is over, however   100 control/ is wrong   111 not now, try again
// see      smtpd(8)
//
// SPDX-License-Identifier: 0BSD
#include <sys/socket.h>

#include <memory>

#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/program.h"
#include "smtpd/smtp_session.h"

namespace postern {
namespace {

struct Knowledge {
  SessionRules rules;
  RecipientCheck recipients;
  SenderRights senders;
  CountedQuota quota;
};

// TLS is offered where there is a certificate.
Result<bool> has_certificates() {
  auto const directory = Directory::open("tls/certs");
  if (!directory && is_missing(directory.error())) return false;
  if (!directory) return directory.error();
  return directory->has_visible_names();
}

Result<Knowledge> read_knowledge(ServiceKind kind) {
  Control const control = TRY(Control::open());
  auto recipients = TRY(RecipientCheck::read(control, Directory::open("users")));
  auto rules = TRY(SessionRules::read(control, kind, recipients.me()));
  rules.has_certificates = TRY(has_certificates());
  Knowledge knowledge{std::move(rules), std::move(recipients), {}, {}};
  if (knowledge.rules.is_submission()) {
    knowledge.senders = TRY(SenderRights::read(control));
    knowledge.quota = TRY(CountedQuota::read(control));
  }
  return knowledge;
}

Result<ServiceKind> kind_of(const Args& args) {
  if (args.arguments.empty()) return ServiceKind::smtp;
  if (args.arguments.size() == 1 && args.arguments[0] == "submission") return ServiceKind::submission;
  if (args.arguments.size() == 1 && args.arguments[0] == "submissions") return ServiceKind::submissions;
  return permanent("usage: smtpd [submission | submissions], in Postern's directory with a client on descriptors 0 and 1");
}

// Who speaks before the greeting does not listen to it either. With a delay of 0, what is there already counts.
SmtpSession::Start wait_to_greet(const SessionRules& rules, const ClientInfo& client) {
  if (!wait_readable(0, Deadline::in(rules.greet_delay))) return SmtpSession::Start::polite;
  char first;
  if (recv(0, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 0) return SmtpSession::Start::polite;  // it hung up
  LogLine{"early-talker"}.add("client", client.address).write();
  return SmtpSession::Start::early_talker;
}

// Closing with bytes unread makes the kernel reset the connection, and the last reply may be lost on the way.
void close_gently() {
  if (shutdown(1, SHUT_WR) != 0) return;
  Deadline const deadline = Deadline::in(2s);
  char room[4096];
  for (std::size_t left = 1u << 20; left > sizeof room; left -= sizeof room) {
    auto const got = read_some(0, room, deadline);
    if (!got || *got == 0) return;
  }
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  ServiceKind const kind = TRY(kind_of(args));
  auto knowledge = read_knowledge(kind);
  TRY(confine());

  ReplyWriter out{1};
  if (!knowledge) {
    if (kind == ServiceKind::submissions) return knowledge.error();  // nothing is said in the clear there
    out.say("421 4.3.5 This host is not configured well; try again later");
    [[maybe_unused]] auto const told = out.flush(Deadline::in(10s));
    return knowledge.error();
  }
  ClientInfo const client = ClientInfo::from(args);
  LogLine{"connect"}.add("client", client.address).add("port", client.port).write();
  auto const in = std::make_unique<LineReader>(0);  // on the stack, hardening would clear all of its pages first
  QueueService queue;
  SecureDescriptors line;
  AuthService auth;
  SessionParts const parts{knowledge->rules, knowledge->recipients, knowledge->senders, client, queue, line, auth,
                           knowledge->quota};
  SmtpSession session{parts, *in, out};
  session.run(wait_to_greet);
  if (session.was_cut_off()) close_gently();
  return Done{};
}
