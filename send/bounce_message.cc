#include "send/bounce_message.h"

#include <algorithm>

#include "lib/core/ascii.h"
#include "lib/mail/date.h"
#include "lib/mail/header.h"
#include "send/bounce_names.h"
#include "send/delivery_status.h"

namespace postern {
namespace {

constexpr std::size_t line_width = 76;

// What a report says of recipients who had the same fate; in this order.
struct Section {
  Action action;
  std::string_view subject;  // of a report with no other sections
  std::string_view begins;   // "Your message ..."
  std::string_view ends;
};
constexpr Section sections[] = {
    {Action::failed, "Your message could not be delivered",
     "could not be delivered to:", "That is final: it is not tried again for them.\n\n"},
    {Action::delayed, "Your message is delayed", "could not yet be delivered to:",
     "It is kept and tried again. You need not do anything, and you will hear of it\n"
     "should it fail for good.\n\n"},
    {Action::relayed, "Your message was passed on", "was passed on to other hosts for:",
     "They took it, and do not send reports like this one: when it reaches the\n"
     "mailbox you will not be told.\n\n"},
    {Action::delivered, "Your message was delivered", "was delivered to:", ""},
};

bool has(const BounceContext& context, Action action) {
  return std::any_of(context.recipients.begin(), context.recipients.end(),
                     [action](const ReportedRecipient& reported) { return reported.action == action; });
}

bool is_all_about(const BounceContext& context, Action action) {
  return std::all_of(context.recipients.begin(), context.recipients.end(),
                     [action](const ReportedRecipient& reported) { return reported.action == action; });
}

// RFC 6533 §4: a report is of that kind where it must be. One about addresses beyond ASCII goes in ASCII to a sender who
// did not ask for SMTPUTF8, since the way back may not know it.
bool needs_utf8(const BounceContext& context) {
  if (!is_all_ascii(context.to) || !is_all_ascii(context.from)) return true;
  if (!context.envelope.is_utf8) return false;
  return context.has_eight_bit_original ||
         std::any_of(context.recipients.begin(), context.recipients.end(), [](const ReportedRecipient& reported) {
           return !reported.recipient->address.is_ascii() || !is_all_ascii(reported.recipient->original);
         });
}

std::string_view subject_of(const BounceContext& context) {
  if (context.is_double) return "A bounce could not be delivered";
  for (const Section& section : sections)
    if (is_all_about(context, section.action)) return section.subject;
  return "What became of your message";
}

std::string header_of(const BounceContext& context, bool is_utf8, bool is_eight_bit) {
  std::string header;
  append_field(header, "From", "Mail delivery <" + context.from + ">");
  append_field(header, "To", "<" + context.to + ">");
  append_field(header, "Subject", subject_of(context));
  append_field(header, "Date", MailDate{context.now}.text());
  append_field(header, "Message-ID", "<" + context.message_id + "@" + context.me + ">");
  if (!context.original_message_id.empty()) {
    append_field(header, "In-Reply-To", context.original_message_id);
    append_field(header, "References", context.original_message_id);
  }
  append_field(header, "Auto-Submitted", "auto-replied");  // RFC 3834 §5
  if (context.is_double) append_field(header, double_bounce_field, context.id.text());
  append_field(header, "MIME-Version", "1.0");
  append_field(header, "Content-Type",
               std::string{"multipart/report; report-type="} + (is_utf8 ? "global-delivery-status" : "delivery-status") +
                   "; boundary=\"" + context.boundary + "\"");
  if (is_eight_bit) append_field(header, "Content-Transfer-Encoding", "8bit");
  return header;
}

// Indented, and broken at blanks.
void append_wrapped(std::string& text, std::string_view words) {
  constexpr std::string_view indent = "    ";
  std::size_t column = line_width;
  while (!words.empty()) {
    std::string_view const word = words.substr(0, words.find(' '));
    words.remove_prefix(std::min(words.size(), word.size() + 1));
    if (word.empty()) continue;
    bool const is_first = column == line_width;
    if (column + 1 + word.size() > line_width) {
      if (!is_first) text += '\n';
      text += indent;
      column = indent.size();
    } else {
      text += ' ';
      ++column;
    }
    text += word;
    column = std::min(column + word.size(), line_width - 1);
  }
  text += '\n';
}

void append_list(std::string& text, const BounceContext& context, Action action) {
  for (const ReportedRecipient& reported : context.recipients) {
    if (reported.action != action) continue;
    text += "  <" + shown(reported.recipient->address.text(), Alphabet::utf8) + ">\n";
    append_wrapped(text, shown(reported.text, Alphabet::utf8));
    if (reported.until != 0 && action == Action::delayed)
      text += "    It is tried until " + MailDate{WallTime{Seconds{reported.until}}}.text() + "\n";
    text += '\n';
  }
}

std::string for_people(const BounceContext& context) {
  std::string text = "This is the mail system of " + context.me + ".\n\n";
  text +=
      context.is_double ? "A report about another message, which came in at " : "The message that you sent, and that came in at ";
  text += MailDate{context.id.created()}.text() + "\n(its name here is " + context.id.text() + "), ";
  bool is_first = true;
  for (const Section& section : sections) {
    if (!has(context, section.action)) continue;
    if (!std::exchange(is_first, false)) text += "It ";
    text += section.begins;
    text += "\n\n";
    append_list(text, context, section.action);
    text += section.ends;
  }
  text += context.has_whole_original ? "The message itself is attached.\n" : "The header of the message is attached.\n";
  return text;
}

void begin_part(std::string& text, const BounceContext& context, std::string_view type, bool is_eight_bit) {
  text += "\n--" + context.boundary + "\nContent-Type: ";
  text += type;
  text += is_eight_bit ? "\nContent-Transfer-Encoding: 8bit\n\n" : "\n\n";
}

}  // namespace

BounceMessage compose_bounce(const BounceContext& context) {
  bool const is_utf8 = needs_utf8(context);
  std::string const people = for_people(context);
  std::string const programs = delivery_status(context, is_utf8 ? Alphabet::utf8 : Alphabet::ascii);
  bool const people_eight_bit = !is_all_ascii(people);
  bool const programs_eight_bit = !is_all_ascii(programs);
  bool const is_eight_bit = context.has_eight_bit_original || people_eight_bit || programs_eight_bit;

  BounceMessage message{header_of(context, is_utf8, is_eight_bit), "\n--" + context.boundary + "--\n", is_eight_bit, is_utf8};
  std::string& text = message.before;
  if (!is_all_ascii(text)) message.is_eight_bit = true;
  begin_part(text, context, people_eight_bit ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii", people_eight_bit);
  text += people;
  begin_part(text, context, is_utf8 ? "message/global-delivery-status" : "message/delivery-status", programs_eight_bit);
  text += programs;
  std::string_view const whole = is_utf8 ? "message/global" : "message/rfc822";
  std::string_view const header = is_utf8 ? "message/global-headers" : "text/rfc822-headers";
  begin_part(text, context, context.has_whole_original ? whole : header, context.has_eight_bit_original);
  return message;
}

}  // namespace postern
