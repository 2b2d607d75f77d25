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
#include "send/bounce_names.h"
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
bool is_wanted(const Recipient& recipient, Action action) {
  if (action == Action::failed) return recipient.notify == 0 || (recipient.notify & notify_failure) != 0;
  return (recipient.notify & (action == Action::delayed ? notify_delay : notify_success)) != 0;
}

Result<std::vector<ReportedRecipient>> recipients_to_report(const BounceRequest& request, const Envelope& envelope) {
  std::vector<ReportedRecipient> recipients;
  for (const BouncedRecipient& bounced : request.recipients) {
    if (bounced.index >= envelope.recipients.size()) return permanent("bounce protocol: no such recipient");
    const Recipient& recipient = envelope.recipients[bounced.index];
    if (is_wanted(recipient, bounced.action))
      recipients.push_back({&recipient, bounced.action, bounced.tried, bounced.until, bounced.text});
  }
  return recipients;
}

bool is_for(const Envelope& envelope, const Address& address) {
  return std::any_of(envelope.recipients.begin(), envelope.recipients.end(),
                     [&](const Recipient& recipient) { return recipient.address == address; });
}

// Why a report about a report stays away; empty: it does not.
Result<std::string> why_no_double(const BounceNames& names, const Envelope& envelope, int file, const Frame& frame) {
  if (!names.double_to) return std::string{"it was a bounce itself, and control/doublebounceto is empty"};
  if (is_for(envelope, *names.double_to)) return std::string{"it was a bounce itself, for control/doublebounceto"};
  if (TRY(has_line_beginning(file, frame, std::string{double_bounce_field} + ":"))) return std::string{"it was a double bounce"};
  return std::string{};
}

Result<QueueAnswer> send(const BounceMessage& report, const OriginalMessage& original, const Address& to) {
  QueueClient client = TRY(QueueClient::connect("queue-trusted"));
  TRY(client.add(report.before));
  TRY(original.stream([&client](std::string_view piece) { return client.add(piece); }));
  TRY(client.add(report.after));
  Envelope envelope;
  envelope.origin = Origin::bounce;
  envelope.recipients.push_back({to, 0, {}, 0});
  envelope.is_eight_bit = report.is_eight_bit;
  envelope.is_utf8 = report.is_utf8;
  return client.commit(envelope);
}

Result<BounceAnswer> tell(const Bouncer& bouncer, const BounceRequest& request, int file) {
  QueueFile const content = TRY(read_queue_file(file));
  Envelope const envelope = TRY(Envelope::parse(Wire{content.envelope_text}));
  BounceNames const names = TRY(BounceNames::read(bouncer.control));
  bool const is_double = names.is_report(envelope);
  auto recipients = TRY(recipients_to_report(request, envelope));
  if (is_double) std::erase_if(recipients, [](const ReportedRecipient& reported) { return reported.action != Action::failed; });
  if (recipients.empty()) return none(request.id, "its sender asked for no such report (NOTIFY), or is nobody");
  if (is_double) {
    std::string why = TRY(why_no_double(names, envelope, file, content.frame));
    if (!why.empty()) return none(request.id, std::move(why));
  }
  const Address& to = is_double ? *names.double_to : envelope.sender;

  // RFC 3461 §4.3 and §6.2: only failures bring the whole message back.
  bool const is_failure = std::any_of(recipients.begin(), recipients.end(),
                                      [](const ReportedRecipient& reported) { return reported.action == Action::failed; });
  bool const is_whole = is_failure && envelope.ret != Return::headers;
  std::uint64_t const most = is_whole ? TRY(bouncer.control.number<"bouncemaxbytes">()) : 0;
  OriginalMessage const original = TRY(OriginalMessage::read(file, content.frame, envelope, most));
  WallTime const now = wall_now();
  BounceMessage const report = compose_bounce({request.id, envelope, std::move(recipients), names.me, names.from.text(),
                                               to.text(), is_double, TRY(QueueId::fresh(now)).text(), original.message_id(),
                                               TRY(original.boundary()), original.is_whole(), original.has_eight_bit(), now});
  QueueAnswer const answer = TRY(send(report, original, to));
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
