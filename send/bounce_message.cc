#include "send/bounce_message.h"

#include <algorithm>

#include "lib/core/ascii.h"
#include "lib/mail/date.h"
#include "lib/mail/header.h"

namespace postern {
namespace {

bool is_any(const BounceContext& context, bool has_failed) {
  return std::any_of(context.recipients.begin(), context.recipients.end(),
                     [has_failed](const ReportedRecipient& reported) { return reported.has_failed == has_failed; });
}

// RFC 6533 §3: once an address or the original needs UTF-8, the whole report may use it.
bool needs_utf8(const BounceContext& context) {
  if (context.envelope.is_utf8 || !is_all_ascii(context.to)) return true;
  return std::any_of(context.recipients.begin(), context.recipients.end(),
                     [](const ReportedRecipient& reported) { return !reported.recipient->address.is_ascii(); });
}

// What may stand in a line of the report: ASCII, or UTF-8 where the report is of that kind.
std::string shown(std::string_view text, bool is_utf8) {
  std::string line{text};
  bool const keeps_eight_bit = is_utf8 && is_valid_utf8(text);
  for (char& c : line)
    if (is_control(c) || (is_eight_bit(c) && !keeps_eight_bit)) c = '?';
  return line;
}

std::string_view subject_of(const BounceContext& context) {
  if (context.envelope.sender.is_null_sender()) return "A bounce could not be delivered";
  if (!is_any(context, true)) return "Your message was delivered";
  return is_any(context, false) ? "What became of your message" : "Your message could not be delivered";
}

std::string header_of(const BounceContext& context, bool is_utf8, bool is_eight_bit) {
  std::string header;
  append_field(header, "From", "Mail delivery <" + context.from + ">");
  append_field(header, "To", "<" + context.to + ">");
  append_field(header, "Subject", subject_of(context));
  append_field(header, "Date", MailDate{context.now}.text());
  append_field(header, "Message-ID", "<" + context.message_id + "@" + context.me + ">");
  append_field(header, "Auto-Submitted", "auto-replied");  // RFC 3834 §5
  append_field(header, "MIME-Version", "1.0");
  append_field(header, "Content-Type",
               std::string{"multipart/report; report-type="} + (is_utf8 ? "global-delivery-status" : "delivery-status") +
                   "; boundary=\"" + context.boundary + "\"");
  if (is_eight_bit) append_field(header, "Content-Transfer-Encoding", "8bit");
  return header;
}

void append_list(std::string& text, const BounceContext& context, bool has_failed, bool is_utf8) {
  for (const ReportedRecipient& reported : context.recipients) {
    if (reported.has_failed != has_failed) continue;
    text += "  <" + shown(reported.recipient->address.text(), is_utf8) + ">\n";
    text += "    " + shown(reported.text, is_utf8) + "\n\n";
  }
}

std::string for_people(const BounceContext& context, bool is_utf8) {
  std::string text = "This is the mail system of " + context.me + ".\n\n";
  bool const is_double = context.envelope.sender.is_null_sender();
  text += is_double ? "A report about another message, which came in at " : "The message that you sent, and that came in at ";
  text += MailDate{context.id.created()}.text() + "\n(its name here is " + context.id.text() + "), ";
  if (is_any(context, true)) {
    text += "could not be delivered to:\n\n";
    append_list(text, context, true, is_utf8);
    text += "That is final: it is not tried again for them.\n\n";
  }
  if (is_any(context, false)) {
    text += is_any(context, true) ? "It was delivered to:\n\n" : "was delivered to:\n\n";
    append_list(text, context, false, is_utf8);
  }
  text += context.has_whole_original ? "The message itself is attached.\n" : "The header of the message is attached.\n";
  return text;
}

std::string typed_address(const Address& address, bool is_utf8) {
  std::string const text = address.text();
  return (is_all_ascii(text) ? "rfc822; " : "utf-8; ") + shown(text, is_utf8);  // RFC 6533 §3
}

// RFC 3464 §2.2 and §2.3
std::string for_programs(const BounceContext& context, bool is_utf8) {
  std::string text;
  if (!context.envelope.envid.empty()) text += "Original-Envelope-Id: " + shown(context.envelope.envid, is_utf8) + "\n";
  text += "Reporting-MTA: dns; " + context.me + "\n";
  text += "Arrival-Date: " + MailDate{context.id.created()}.text() + "\n";
  for (const ReportedRecipient& reported : context.recipients) {
    text += '\n';
    if (!reported.recipient->original.empty())
      text += "Original-Recipient: " + shown(reported.recipient->original, is_utf8) + "\n";
    text += "Final-Recipient: " + typed_address(reported.recipient->address, is_utf8) + "\n";
    text += reported.has_failed ? "Action: failed\n" : "Action: delivered\n";
    text += "Status: " + status_code_of(reported.text, reported.has_failed ? '5' : '2') + "\n";
    if (reported.has_failed) text += "Diagnostic-Code: X-Postern; " + shown(reported.text, is_utf8) + "\n";
  }
  return text;
}

void begin_part(std::string& text, const BounceContext& context, std::string_view type, bool is_eight_bit) {
  text += "\n--" + context.boundary + "\nContent-Type: ";
  text += type;
  text += is_eight_bit ? "\nContent-Transfer-Encoding: 8bit\n\n" : "\n\n";
}

}  // namespace

std::string status_code_of(std::string_view text, char status_class) {
  std::string const unknown = std::string{status_class} + ".0.0";
  std::string_view const code = text.substr(0, text.find(' '));
  if (code.size() < 5 || code.size() > 9 || code[0] != status_class || code[1] != '.') return unknown;
  std::size_t const dot = code.find('.', 2);
  if (dot == std::string_view::npos) return unknown;
  auto const is_number = [](std::string_view digits) {
    return !digits.empty() && digits.size() <= 3 && std::all_of(digits.begin(), digits.end(), is_digit);
  };
  return is_number(code.substr(2, dot - 2)) && is_number(code.substr(dot + 1)) ? std::string{code} : unknown;
}

BounceMessage compose_bounce(const BounceContext& context) {
  bool const is_utf8 = needs_utf8(context);
  std::string const people = for_people(context, is_utf8);
  std::string const programs = for_programs(context, is_utf8);
  bool const is_eight_bit = context.has_eight_bit_original || !is_all_ascii(people) || !is_all_ascii(programs);

  BounceMessage message{header_of(context, is_utf8, is_eight_bit), "\n--" + context.boundary + "--\n", is_eight_bit, is_utf8};
  std::string& text = message.before;
  begin_part(text, context, is_utf8 ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii", !is_all_ascii(people));
  text += people;
  begin_part(text, context, is_utf8 ? "message/global-delivery-status" : "message/delivery-status", !is_all_ascii(programs));
  text += programs;
  std::string_view const whole = is_utf8 ? "message/global" : "message/rfc822";
  std::string_view const header = is_utf8 ? "message/global-headers" : "text/rfc822-headers";
  begin_part(text, context, context.has_whole_original ? whole : header, context.has_eight_bit_original);
  return message;
}

}  // namespace postern
