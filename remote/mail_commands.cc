#include "remote/mail_commands.h"

#include "lib/core/ascii.h"
#include "lib/core/number.h"
#include "lib/mail/a_labels.h"
#include "lib/mail/unitext.h"

namespace postern {
namespace {

constexpr std::size_t longest_original = 500;  // RFC 3461 §4.2
constexpr std::string_view upper_hex = "0123456789ABCDEF";

std::string path(const Address& address, bool is_utf8) {
  if (is_utf8 || address.is_null_sender() || address.is_ascii()) return "<" + address.text() + ">";
  std::string const text = address.text();
  auto const domain = a_labels(address.domain());
  return "<" + text.substr(0, text.size() - address.domain().text().size()) + (domain ? *domain : address.domain().text()) + ">";
}

// RFC 6533 §3: as it is where SMTPUTF8 is and every character may stand there, else escaped. It may have come in escaped.
std::string encode_unicode(std::string_view address, bool is_utf8) {
  auto const plain = from_unitext(Wire{address});
  std::string_view const text = plain ? std::string_view{*plain} : address;
  for (char const c : text) is_utf8 = is_utf8 && (is_graphic(c) || is_eight_bit(c)) && c != '\\' && c != '+' && c != '=';
  return is_utf8 ? std::string{text} : unitext(text);
}

std::string notify_words(unsigned notify) {
  if (notify & notify_never) return "NEVER";
  std::string words;
  auto const add = [&](unsigned bit, std::string_view word) {
    if (!(notify & bit)) return;
    if (!words.empty()) words += ',';
    words += word;
  };
  add(notify_success, "SUCCESS");
  add(notify_failure, "FAILURE");
  add(notify_delay, "DELAY");
  return words;
}

}  // namespace

bool needs_utf8(const Address& address) {
  if (address.is_null_sender() || address.is_ascii()) return false;
  return !is_all_ascii(address.local_part()) || !a_labels(address.domain());
}

std::string encode_xtext(std::string_view text) {
  std::string encoded;
  for (char const c : text) {
    if (is_graphic(c) && c != '+' && c != '=') {
      encoded += c;
      continue;
    }
    auto const byte = static_cast<unsigned char>(c);
    encoded += '+';
    encoded += upper_hex[byte >> 4];
    encoded += upper_hex[byte & 15];
  }
  return encoded;
}

std::string encode_original(std::string_view original, bool is_utf8) {
  std::size_t const semicolon = original.find(';');
  if (semicolon == std::string_view::npos || semicolon == 0 || !is_valid_utf8(original)) return {};
  for (char const c : original.substr(0, semicolon))
    if (!is_alnum(c) && c != '-') return {};
  std::string_view const address = original.substr(semicolon + 1);
  std::string_view const type = original.substr(0, semicolon);
  bool const is_unicode = equal_ignoring_case(type, "utf-8") || !is_all_ascii(address);
  std::string encoded =
      is_unicode ? "utf-8;" + encode_unicode(address, is_utf8) : std::string{type} + ";" + encode_xtext(address);
  if (encoded.size() > longest_original) encoded.clear();
  return encoded;
}

std::string mail_command(const Envelope& envelope, const TransactionForm& form, const PeerFeatures& features) {
  std::string line = "MAIL FROM:" + path(envelope.sender, form.is_utf8);
  if (features.has_size) {
    line += " SIZE=";
    append_decimal(line, form.size);
  }
  if (features.has_eight_bit && form.is_eight_bit) line += " BODY=8BITMIME";
  if (form.is_utf8) line += " SMTPUTF8";
  if (features.has_dsn && envelope.ret != Return::unset) line += envelope.ret == Return::full ? " RET=FULL" : " RET=HDRS";
  if (features.has_dsn && !envelope.envid.empty()) line += " ENVID=" + encode_xtext(envelope.envid);
  return line += "\r\n";
}

std::string rcpt_command(const Recipient& recipient, const TransactionForm& form, const PeerFeatures& features) {
  std::string line = "RCPT TO:" + path(recipient.address, form.is_utf8);
  if (features.has_dsn && recipient.notify != 0) line += " NOTIFY=" + notify_words(recipient.notify);
  std::string const original = features.has_dsn ? encode_original(recipient.original, form.is_utf8) : std::string{};
  if (!original.empty()) line += " ORCPT=" + original;
  return line += "\r\n";
}

}  // namespace postern
