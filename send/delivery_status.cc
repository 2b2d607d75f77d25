#include "send/delivery_status.h"

#include <algorithm>

#include "lib/core/ascii.h"
#include "lib/mail/date.h"
#include "lib/mail/unitext.h"
#include "lib/net/remote_words.h"

namespace postern {
namespace {

constexpr std::size_t longest_value = 960;  // with the longest name: less than 998

WallTime at_second(std::int64_t seconds) { return WallTime{Seconds{seconds}}; }

std::string_view word_of(Action action) {
  switch (action) {
    case Action::failed:
      return "failed";
    case Action::delayed:
      return "delayed";
    case Action::relayed:
      return "relayed";
    default:
      return "delivered";
  }
}

std::string status_of(const ReportedRecipient& reported) {
  // RFC 3464 §2.3.4: what was temporary until it was given up keeps its class.
  if (reported.action == Action::failed && last_try(reported.text).size() < reported.text.size())
    return status_code_of(reported.text, '4');
  return status_code_of(reported.text, reported.action == Action::failed ? '5' : reported.action == Action::delayed ? '4' : '2');
}

// "type; address" of RFC 3464 §2.3.1 and §2.3.2, for addresses beyond ASCII in the forms of RFC 6533 §3.
std::string typed(std::string_view type, std::string_view address, Alphabet alphabet) {
  std::string line{type};
  line += "; ";
  if (!equal_ignoring_case(type, "utf-8")) return line += shown(address, alphabet);
  if (alphabet == Alphabet::ascii) return line += is_all_ascii(address) ? shown(address, alphabet) : unitext(address);
  return line += shown(from_unitext(Wire{address}).value_or(std::string{address}), alphabet);
}

std::string final_recipient(const Address& address, Alphabet alphabet) {
  std::string const text = address.text();
  return is_all_ascii(text) ? "rfc822; " + shown(text, alphabet) : typed("utf-8", text, alphabet);
}

// As ORCPT had it: type;address
std::string original_recipient(std::string_view original, Alphabet alphabet) {
  std::size_t const semicolon = original.find(';');
  if (semicolon == std::string_view::npos) return shown(original, alphabet);
  return typed(shown(original.substr(0, semicolon), Alphabet::ascii), original.substr(semicolon + 1), alphabet);
}

// A text that was cut may end inside of a character.
std::string_view without_torn_end(std::string_view text) {
  std::size_t tail = 0;
  while (tail < 3 && tail < text.size() && (static_cast<unsigned char>(text[text.size() - 1 - tail]) & 0xc0) == 0x80) ++tail;
  if (tail == text.size()) return text;
  auto const lead = static_cast<unsigned char>(text[text.size() - 1 - tail]);
  std::size_t const wanted = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
  return tail < wanted ? text.substr(0, text.size() - 1 - tail) : text;
}

// A line of the report; RFC 5322 §2.1.1 bounds it.
void append_line(std::string& text, std::string_view name, std::string_view value) {
  text += name;
  text += ": ";
  text += without_torn_end(value.substr(0, longest_value));
  text += '\n';
}

void append_words(std::string& text, const ReportedRecipient& reported, Alphabet alphabet) {
  std::string_view const words = last_try(reported.text);
  if (auto const reply = RemoteReply::parse(Wire{words})) {
    append_line(text, "Remote-MTA", "dns; " + shown(reply->host, alphabet));
    if (!reply->reply.empty()) append_line(text, "Diagnostic-Code", "smtp; " + shown(reply->reply, alphabet));
  } else if (reported.action == Action::failed || reported.action == Action::delayed) {
    append_line(text, "Diagnostic-Code", "X-Postern; " + shown(reported.text, alphabet));
  }
}

void append_recipient(std::string& text, const ReportedRecipient& reported, Alphabet alphabet) {
  const Recipient& recipient = *reported.recipient;
  text += '\n';
  if (!recipient.original.empty()) append_line(text, "Original-Recipient", original_recipient(recipient.original, alphabet));
  append_line(text, "Final-Recipient", final_recipient(recipient.address, alphabet));
  append_line(text, "Action", word_of(reported.action));
  append_line(text, "Status", status_of(reported));
  append_words(text, reported, alphabet);
  if (reported.tried != 0) append_line(text, "Last-Attempt-Date", MailDate{at_second(reported.tried)}.text());
  if (reported.action == Action::delayed && reported.until != 0)
    append_line(text, "Will-Retry-Until", MailDate{at_second(reported.until)}.text());
}

}  // namespace

std::string shown(std::string_view text, Alphabet alphabet) {
  if (alphabet == Alphabet::utf8) text = without_torn_end(text);
  std::string line{text};
  bool const keeps_eight_bit = alphabet == Alphabet::utf8 && is_valid_utf8(text);
  for (char& c : line)
    if (is_control(c) || (is_eight_bit(c) && !keeps_eight_bit)) c = '?';
  return line;
}

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

std::string delivery_status(const BounceContext& context, Alphabet alphabet) {
  std::string text;
  if (!context.envelope.envid.empty()) append_line(text, "Original-Envelope-Id", shown(context.envelope.envid, alphabet));
  append_line(text, "Reporting-MTA", "dns; " + context.me);
  append_line(text, "Arrival-Date", MailDate{context.id.created()}.text());
  for (const ReportedRecipient& reported : context.recipients) append_recipient(text, reported, alphabet);
  return text;
}

}  // namespace postern
