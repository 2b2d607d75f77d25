// bounce - tell a sender what became of a message (RFC 3464)
//
// run by   its s6 service, as pn-bounce; asked by queue-send alone
// fds      0 listening socket (lib/net/bounce_protocol.h); each request brings the queue file   2 > log
// files    reads control/
// starts   nothing; forks itself for its clients; gives the report to queue-inject, from the null sender
// exits    0 told to stop   100 a setting is wrong   111 system trouble
// see      bounce(8)
#include <algorithm>

#include "lib/mail/queue_file.h"
#include "lib/net/bounce_protocol.h"
#include "lib/net/delivery_protocol.h"
#include "lib/net/queue_protocol.h"
#include "lib/os/account.h"
#include "lib/os/control.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/program.h"
#include "lib/os/service.h"
#include "lib/os/socket.h"
#include "send/bounce_message.h"
#include "send/original_message.h"

namespace postern {
namespace {

constexpr ServicePool pool{.most_clients = 16, .spare = 2, .most_per_uid = 0, .clients_per_process = 1};
constexpr auto request_wait = Milliseconds{60'000};

struct Bouncer {
  Control control;
  uid_t sender;
};

BounceAnswer none(const QueueId& id, std::string why) { return {BounceAnswer::Kind::none, id, std::move(why)}; }

// RFC 3461 §4.1: who asked for nothing is told of failures.
bool is_wanted(const Recipient& recipient, bool has_failed) {
  if (!has_failed) return (recipient.notify & notify_success) != 0;
  return recipient.notify == 0 || (recipient.notify & notify_failure) != 0;
}

Result<std::vector<ReportedRecipient>> recipients_to_report(const BounceRequest& request, const Envelope& envelope) {
  std::vector<ReportedRecipient> recipients;
  for (const BouncedRecipient& bounced : request.recipients) {
    if (bounced.index >= envelope.recipients.size()) return permanent("bounce protocol: no such recipient");
    const Recipient& recipient = envelope.recipients[bounced.index];
    bool const has_failed = bounced.action == Action::failed;
    if (is_wanted(recipient, has_failed)) recipients.push_back({&recipient, has_failed, bounced.text});
  }
  return recipients;
}

// To whom a report goes: the sender; of a message that has none, whoever control/doublebounceto names. Nothing: nobody.
Result<std::optional<Address>> addressee(const Control& control, const Envelope& envelope) {
  if (!envelope.sender.is_null_sender()) return std::optional{envelope.sender};
  auto const line = TRY(control.line<"doublebounceto">());
  if (!line) return std::optional<Address>{};
  Address address = TRY(Address::parse(Wire{*line}));
  bool const was_for_it = std::any_of(envelope.recipients.begin(), envelope.recipients.end(),
                                      [&](const Recipient& recipient) { return recipient.address == address; });
  if (address.is_null_sender() || was_for_it) return std::optional<Address>{};
  return std::optional{std::move(address)};
}

Result<std::string> own_address(const Control& control, const std::string& me) {
  std::string const local_part = TRY(control.line<"bouncefrom">()).value_or("MAILER-DAEMON");
  std::string const host = TRY(control.line<"bouncehost">()).value_or(me);
  return TRY(Address::make(local_part, TRY(Domain::parse(Wire{host})))).text();
}

Result<QueueAnswer> send(const BounceMessage& report, const OriginalMessage& original, Address to) {
  QueueClient client = TRY(QueueClient::connect("queue-trusted"));
  TRY(client.add(report.before));
  TRY(original.stream([&client](std::string_view piece) { return client.add(piece); }));
  TRY(client.add(report.after));
  Envelope envelope;
  envelope.origin = Origin::bounce;
  envelope.recipients.push_back({std::move(to), 0, {}, 0});
  envelope.is_eight_bit = report.is_eight_bit;
  envelope.is_utf8 = report.is_utf8;
  return client.commit(envelope);
}

Result<BounceAnswer> tell(const Bouncer& bouncer, const BounceRequest& request, int file) {
  QueueFile const content = TRY(read_queue_file(file));
  Envelope const envelope = TRY(Envelope::parse(Wire{content.envelope_text}));
  auto recipients = TRY(recipients_to_report(request, envelope));
  if (recipients.empty()) return none(request.id, "its sender asked for no such report (NOTIFY)");
  auto const to = TRY(addressee(bouncer.control, envelope));
  if (!to) return none(request.id, "it was a bounce itself (control/doublebounceto)");

  std::uint64_t const most = TRY(bouncer.control.number<"bouncemaxbytes">());
  OriginalMessage const original = TRY(OriginalMessage::read(file, content.frame, envelope, most));
  std::string const me = TRY(bouncer.control.me());
  WallTime const now = wall_now();
  BounceMessage const report = compose_bounce({request.id, envelope, std::move(recipients), me,
                                               TRY(own_address(bouncer.control, me)), to->text(), TRY(QueueId::fresh(now)).text(),
                                               TRY(original.boundary()), original.is_whole(), original.has_eight_bit(), now});
  QueueAnswer const answer = TRY(send(report, original, *to));
  if (answer.id) return BounceAnswer{BounceAnswer::Kind::sent, request.id, answer.id->text()};
  if (answer.fate == Fate::permanent) return none(request.id, answer.text);
  return BounceAnswer{BounceAnswer::Kind::later, request.id, answer.text};
}

void log(const BounceAnswer& answer) {
  std::string_view const key = answer.kind == BounceAnswer::Kind::sent   ? "bounce"
                               : answer.kind == BounceAnswer::Kind::none ? "none"
                                                                         : "error";
  LogLine{"bounce"}.add("id", answer.id.view()).add(key, answer.text).write();
}

// One request; false: no more come.
Result<bool> serve_one(const Bouncer& bouncer, const Client& client) {
  if (!TRY(client.wait_for_request(Deadline::never()))) return false;
  Deadline const deadline = Deadline::in(request_wait);
  char head[record_head];
  Received first = TRY(receive_with_fd(client.fd(), head));
  if (first.bytes == 0) return false;
  TRY(read_exactly(client.fd(), std::span{head}.subspan(first.bytes), deadline));
  std::string body(TRY(bounce_record_length(Wire{std::string_view{head, sizeof head}})), '\0');
  TRY(read_exactly(client.fd(), body, deadline));
  BounceRequest const request = TRY(BounceRequest::parse(Wire{body}));
  if (!first.fd.is_open()) return permanent("bounce protocol: a request without its message");

  auto answer = tell(bouncer, request, first.fd.number());
  if (!answer) answer = BounceAnswer{BounceAnswer::Kind::later, request.id, answer.error().text()};
  log(*answer);
  TRY(write_all(client.fd(), answer->encoded(), deadline));
  return true;
}

void serve(Client& client, void* context) {
  const auto& bouncer = *static_cast<const Bouncer*>(context);
  if (client.peer().uid != bouncer.sender) {
    LogLine{"refused"}.add("uid", std::uint64_t{client.peer().uid}).add("reason", "only queue-send may ask").write();
    return;
  }
  for (;;) {
    auto const goes_on = serve_one(bouncer, client);
    if (!goes_on) LogLine{"refused"}.add("error", goes_on.error().text()).write();
    if (!goes_on || !*goes_on) return;
  }
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  if (!args.arguments.empty()) return permanent("usage: bounce, without words, with a listening socket on descriptor 0");
  TRY(check_service(ServiceSocket::listening));
  Control control = TRY(Control::open());
  Accounts const accounts = TRY(Accounts::read(control.directory()));
  Bouncer bouncer{std::move(control), accounts.uid_of(Account::send)};
  TRY(confine());
  return serve_clients(pool, args.variable("NOTIFY").value_or(""), serve, &bouncer);
}
