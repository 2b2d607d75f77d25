// Whole reports, as they are: what people and programs read.
#include <catch2/catch.hpp>

#include "lib/net/remote_words.h"
#include "send/bounce_message.h"

using namespace postern;

namespace {

QueueId const id = *QueueId::parse(Wire{std::string_view{"1j0r1kbl9t2cc42n9mq"}});
constexpr std::int64_t tried = 1'763'805'600;  // 22 Nov 2025 10:00 UTC

std::string composed(const Envelope& envelope, std::vector<ReportedRecipient> recipients, bool is_whole) {
  BounceMessage const report =
      compose_bounce({id, envelope, std::move(recipients), "here.example", "MAILER-DAEMON@here.example", envelope.sender.text(),
                      false, "fresh", "<first@far.example>", "=_line", is_whole, false, WallTime{Seconds{tried + 60}}});
  return report.before + "ORIGINAL\n" + report.after;
}

}  // namespace

TEST_CASE("a report of every fate") {
  Envelope envelope;
  envelope.sender = *Address::parse(Wire{std::string_view{"me@far.example"}});
  envelope.envid = "QQ314159";
  for (std::string_view const address :
       {"gone@far.example", "tired@far.example", "slow@far.example", "passed@far.example", "here@here.example"})
    envelope.recipients.push_back({*Address::parse(Wire{address}), 0, {}, 0});
  envelope.recipients[0].original = "rfc822;first@list.example";
  auto const recipient = [&envelope](std::size_t index) { return &envelope.recipients[index]; };
  std::string const text =
      composed(envelope,
               {{recipient(0), Action::failed, tried, 0,
                 "5.1.1 mx.far.example[192.0.2.1] said: 550-5.1.1 nobody here by that name, and there never was / 550 5.1.1 see "
                 "https://mx.far.example/why?user=gone"},
                {recipient(1), Action::failed, tried, 0, given_up("4.2.0 mx.far.example[192.0.2.1] said: 450 4.2.0 not now")},
                {recipient(2), Action::delayed, tried, tried + 432'000, "4.4.1 far.example: no host takes the connection"},
                {recipient(3), Action::relayed, tried, 0, "2.0.0 mx.far.example[192.0.2.1] said: 250 2.0.0 ok"},
                {recipient(4), Action::delivered, tried, 0, "2.0.0 delivered to Maildir"}},
               true);
  CHECK(text == R"(From: Mail delivery <MAILER-DAEMON@here.example>
To: <me@far.example>
Subject: What became of your message
Date: Sat, 22 Nov 2025 10:01:00 +0000
Message-ID: <fresh@here.example>
In-Reply-To: <first@far.example>
References: <first@far.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_line"

--=_line
Content-Type: text/plain; charset=us-ascii

This is the mail system of here.example.

The message that you sent, and that came in at Sun, 22 Nov 2026 07:27:26 +0000
(its name here is 1j0r1kbl9t2cc42n9mq), could not be delivered to:

  <gone@far.example>
    5.1.1 mx.far.example[192.0.2.1] said: 550-5.1.1 nobody here by that
    name, and there never was / 550 5.1.1 see
    https://mx.far.example/why?user=gone

  <tired@far.example>
    4.4.7 given up, too long in the queue; the last try: 4.2.0
    mx.far.example[192.0.2.1] said: 450 4.2.0 not now

That is final: it is not tried again for them.

It could not yet be delivered to:

  <slow@far.example>
    4.4.1 far.example: no host takes the connection
    It is tried until Thu, 27 Nov 2025 10:00:00 +0000

It is kept and tried again. You need not do anything, and you will hear of it
should it fail for good.

It was passed on to other hosts for:

  <passed@far.example>
    2.0.0 mx.far.example[192.0.2.1] said: 250 2.0.0 ok

They took it, and do not send reports like this one: when it reaches the
mailbox you will not be told.

It was delivered to:

  <here@here.example>
    2.0.0 delivered to Maildir

The message itself is attached.

--=_line
Content-Type: message/delivery-status

Original-Envelope-Id: QQ314159
Reporting-MTA: dns; here.example
Arrival-Date: Sun, 22 Nov 2026 07:27:26 +0000

Original-Recipient: rfc822; first@list.example
Final-Recipient: rfc822; gone@far.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.far.example
Diagnostic-Code: smtp; 550-5.1.1 nobody here by that name, and there never was / 550 5.1.1 see https://mx.far.example/why?user=gone
Last-Attempt-Date: Sat, 22 Nov 2025 10:00:00 +0000

Final-Recipient: rfc822; tired@far.example
Action: failed
Status: 4.4.7
Remote-MTA: dns; mx.far.example
Diagnostic-Code: smtp; 450 4.2.0 not now
Last-Attempt-Date: Sat, 22 Nov 2025 10:00:00 +0000

Final-Recipient: rfc822; slow@far.example
Action: delayed
Status: 4.4.1
Diagnostic-Code: X-Postern; 4.4.1 far.example: no host takes the connection
Last-Attempt-Date: Sat, 22 Nov 2025 10:00:00 +0000
Will-Retry-Until: Thu, 27 Nov 2025 10:00:00 +0000

Final-Recipient: rfc822; passed@far.example
Action: relayed
Status: 2.0.0
Remote-MTA: dns; mx.far.example
Diagnostic-Code: smtp; 250 2.0.0 ok
Last-Attempt-Date: Sat, 22 Nov 2025 10:00:00 +0000

Final-Recipient: rfc822; here@here.example
Action: delivered
Status: 2.0.0
Last-Attempt-Date: Sat, 22 Nov 2025 10:00:00 +0000

--=_line
Content-Type: message/rfc822

ORIGINAL

--=_line--
)");
}

TEST_CASE("a report of relaying") {
  Envelope envelope;
  envelope.sender = *Address::parse(Wire{std::string_view{"me@far.example"}});
  envelope.recipients.push_back({*Address::parse(Wire{std::string_view{"you@old.example"}}), 0, {}, 0});
  std::string const text = composed(
      envelope, {{&envelope.recipients[0], Action::relayed, tried, 0, "2.0.0 mx.old.example[192.0.2.7] said: 250 ok"}}, false);
  CHECK(text == R"(From: Mail delivery <MAILER-DAEMON@here.example>
To: <me@far.example>
Subject: Your message was passed on
Date: Sat, 22 Nov 2025 10:01:00 +0000
Message-ID: <fresh@here.example>
In-Reply-To: <first@far.example>
References: <first@far.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_line"

--=_line
Content-Type: text/plain; charset=us-ascii

This is the mail system of here.example.

The message that you sent, and that came in at Sun, 22 Nov 2026 07:27:26 +0000
(its name here is 1j0r1kbl9t2cc42n9mq), was passed on to other hosts for:

  <you@old.example>
    2.0.0 mx.old.example[192.0.2.7] said: 250 ok

They took it, and do not send reports like this one: when it reaches the
mailbox you will not be told.

The header of the message is attached.

--=_line
Content-Type: message/delivery-status

Reporting-MTA: dns; here.example
Arrival-Date: Sun, 22 Nov 2026 07:27:26 +0000

Final-Recipient: rfc822; you@old.example
Action: relayed
Status: 2.0.0
Remote-MTA: dns; mx.old.example
Diagnostic-Code: smtp; 250 ok
Last-Attempt-Date: Sat, 22 Nov 2025 10:00:00 +0000

--=_line
Content-Type: text/rfc822-headers

ORIGINAL

--=_line--
)");
}
