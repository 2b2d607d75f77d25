#include "send/bounce_message.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {

QueueId const id = *QueueId::parse(Wire{std::string_view{"1j0r1kbl9t2cc42n9mq"}});

Envelope envelope_from(std::string_view sender, std::initializer_list<const char*> recipients) {
  Envelope envelope;
  envelope.sender = *Address::parse(Wire{sender});
  for (const char* const recipient : recipients)
    envelope.recipients.push_back({*Address::parse(Wire{std::string_view{recipient}}), 0, {}, 0});
  return envelope;
}

constexpr std::int64_t tried = 1'763'805'600;  // 22 Nov 2025 10:00 UTC
constexpr std::int64_t until = tried + 5 * 86'400;

enum class Original : unsigned char { whole, header, eight_bit_header };

BounceMessage compose(const Envelope& envelope, std::vector<ReportedRecipient> recipients, Original original = Original::whole) {
  bool const is_double = envelope.sender.is_null_sender();
  return compose_bounce({id, envelope, std::move(recipients), "here.example", "MAILER-DAEMON@here.example",
                         is_double ? "postmaster@here.example" : envelope.sender.text(), is_double, "fresh",
                         "<first@far.example>", "=_line", original == Original::whole, original == Original::eight_bit_header,
                         WallTime{Seconds{tried + 60}}});
}

bool has(const BounceMessage& message, std::string_view part) { return message.before.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a failure is reported to people and to programs") {
  Envelope envelope = envelope_from("me@far.example", {"gone@here.example", "full@here.example"});
  envelope.envid = "QQ314159";
  envelope.recipients[0].original = "rfc822;first@list.example";
  BounceMessage const message =
      compose(envelope, {{&envelope.recipients[0], Action::failed, tried, 0, "5.1.1 no mailbox here by that name"},
                         {&envelope.recipients[1], Action::failed, tried, 0, "over quota"}});
  for (const char* const part :
       {"From: Mail delivery <MAILER-DAEMON@here.example>\n", "To: <me@far.example>\n",
        "Subject: Your message could not be delivered\n", "Message-ID: <fresh@here.example>\n",
        "In-Reply-To: <first@far.example>\n", "Auto-Submitted: auto-replied\n", "MIME-Version: 1.0\n",
        "report-type=delivery-status;", "\n--=_line\nContent-Type: text/plain; charset=us-ascii\n\n",
        "\n--=_line\nContent-Type: message/delivery-status\n\n", "\n--=_line\nContent-Type: message/rfc822\n\n",
        "Original-Envelope-Id: QQ314159\nReporting-MTA: dns; here.example\nArrival-Date: ",
        "\n\nOriginal-Recipient: rfc822; first@list.example\nFinal-Recipient: rfc822; gone@here.example\nAction: failed\nStatus: "
        "5.1.1\n"
        "Diagnostic-Code: X-Postern; 5.1.1 no mailbox here by that name\nLast-Attempt-Date: Sat, 22 Nov 2025 10:00:00 +0000\n\n"
        "Final-Recipient: rfc822; full@here.example\nAction: "
        "failed\n"
        "Status: 5.0.0\nDiagnostic-Code: X-Postern; over quota\n",
        "  <gone@here.example>\n    5.1.1 no mailbox here by that name\n", "1j0r1kbl9t2cc42n9mq"}) {
    CAPTURE(part);
    CHECK(has(message, part));
  }
  CHECK(message.after == "\n--=_line--\n");
  CHECK_FALSE(message.is_utf8);
  CHECK_FALSE(message.is_eight_bit);
}

TEST_CASE("success, and both, have subjects of their own; a report about a bounce says so") {
  Envelope const envelope = envelope_from("me@far.example", {"a@here.example", "b@here.example"});
  const Recipient* const a = &envelope.recipients[0];
  const Recipient* const b = &envelope.recipients[1];
  BounceMessage const success = compose(envelope, {{a, Action::delivered, tried, 0, "2.0.0 delivered to Maildir"}});
  CHECK(has(success, "Subject: Your message was delivered\n"));
  CHECK(has(success, "Action: delivered\nStatus: 2.0.0\n"));
  CHECK_FALSE(has(success, "Diagnostic-Code"));
  BounceMessage const both =
      compose(envelope, {{a, Action::delivered, tried, 0, "2.0.0 delivered"}, {b, Action::failed, tried, 0, "5.1.1 no"}});
  CHECK(has(both, "Subject: What became of your message\n"));
  Envelope const bounce = envelope_from("", {"a@here.example"});
  BounceMessage const twice = compose(bounce, {{&bounce.recipients[0], Action::failed, tried, 0, "5.1.1 no"}});
  CHECK(has(twice, "Subject: A bounce could not be delivered\n"));
  CHECK(has(twice, "To: <postmaster@here.example>\n"));
  CHECK(has(twice, "\nPostern-Double-Bounce: 1j0r1kbl9t2cc42n9mq\n"));
  CHECK_FALSE(has(success, "Postern-Double-Bounce"));
}

TEST_CASE("only the header of an original, and one with eight bits, are labelled so") {
  Envelope const envelope = envelope_from("me@far.example", {"a@here.example"});
  BounceMessage const message =
      compose(envelope, {{&envelope.recipients[0], Action::failed, tried, 0, "5.1.1 no"}}, Original::eight_bit_header);
  CHECK(has(message, "\n--=_line\nContent-Type: text/rfc822-headers\nContent-Transfer-Encoding: 8bit\n\n"));
  CHECK(has(message, "Content-Transfer-Encoding: 8bit\n\n\n--=_line\nContent-Type: text/plain") == false);
  CHECK(message.is_eight_bit);
}

TEST_CASE("internationalized mail has a report of its own kind (RFC 6533)") {
  Envelope envelope = envelope_from("m\xc3\xa9@far.example", {"gr\xc3\xbc\xc3\x9f@here.example", "plain@here.example"});
  envelope.is_utf8 = true;
  BounceMessage const message =
      compose(envelope, {{&envelope.recipients[0], Action::failed, tried, 0, "5.1.1 nichts f\xc3\xbcr ihn"},
                         {&envelope.recipients[1], Action::failed, tried, 0, "5.1.1 \xff bad"}});
  for (const char* const part :
       {"report-type=global-delivery-status", "Content-Type: message/global-delivery-status\n", "Content-Type: message/global\n",
        "Final-Recipient: utf-8; gr\xc3\xbc\xc3\x9f@here.example\n", "Final-Recipient: rfc822; plain@here.example\n",
        "X-Postern; 5.1.1 nichts f\xc3\xbcr ihn\n", "X-Postern; 5.1.1 ? bad\n"}) {
    CAPTURE(part);
    CHECK(has(message, part));
  }
  CHECK(message.is_utf8);
  CHECK(message.is_eight_bit);
}

TEST_CASE("nothing in a report's text can end a line") {
  Envelope const envelope = envelope_from("me@far.example", {"a@here.example"});
  BounceMessage const message = compose(
      envelope, {{&envelope.recipients[0], Action::failed, tried, 0, "5.1.1 no\nFinal-Recipient: rfc822; forged\r\n\xe9"}});
  CHECK_FALSE(has(message, "\nFinal-Recipient: rfc822; forged"));
  CHECK(has(message, "X-Postern; 5.1.1 no?Final-Recipient: rfc822; forged???\n"));
}
