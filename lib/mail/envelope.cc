#include "lib/mail/envelope.h"

#include <utility>

#include "lib/core/ascii.h"
#include "lib/core/netstring.h"
#include "lib/core/number.h"

namespace postern {
namespace {

constexpr std::size_t longest_text = 1024;  // of the small fields

bool is_small_text(std::string_view text) {
  if (text.size() > longest_text) return false;
  for (char const c : text)
    if (is_control(c)) return false;
  return true;
}

void append(std::string& text, char letter, std::string_view value) {
  text += letter;
  append_netstring(text, value);
}

struct Record {
  char letter;
  std::string_view value;
};

Result<Record> take_record(std::string_view& rest) {
  if (rest.empty()) return permanent("envelope: empty record");
  char const letter = rest.front();
  rest.remove_prefix(1);
  return Record{letter, TRY(take_netstring(rest))};
}

// A number as encoded() writes it: 0 is left out, and nothing stands in front of the first digit.
Result<std::uint32_t> number_of(std::string_view value, std::uint32_t most) {
  if (value.starts_with('0')) return permanent("envelope: number begins with 0");
  return static_cast<std::uint32_t>(TRY(parse_number(Wire{value}, most)));
}

Result<Recipient> recipient_of(std::string_view value) {
  Address address = TRY(Address::parse(Wire{value}));
  if (address.is_null_sender()) return permanent("envelope: empty recipient");
  return Recipient{std::move(address), 0, {}, 0};
}

Status set_recipient_parameter(Recipient& recipient, const Record& record) {
  if (record.letter == 'n') {
    if (recipient.notify != 0) return permanent("envelope: second NOTIFY");
    recipient.notify = TRY(number_of(record.value, 15));
    if ((recipient.notify & notify_never) && recipient.notify != notify_never)
      return permanent("envelope: NOTIFY never and more");
    return Done{};
  }
  if (!recipient.original.empty()) return permanent("envelope: second ORCPT");
  if (!is_small_text(record.value) || record.value.empty()) return permanent("envelope: ORCPT");
  recipient.original = record.value;
  return Done{};
}

Status set_text(std::string& field, std::string_view value) {
  if (value.empty() || !is_small_text(value)) return permanent("envelope: bad text field");
  field = value;
  return Done{};
}

Status set_flags(Envelope& envelope, std::string_view flags) {
  if (flags.empty()) return permanent("envelope: no flags");
  for (char const flag : flags) {
    bool* const field = flag == '8'   ? &envelope.is_eight_bit
                        : flag == 'u' ? &envelope.is_utf8
                        : flag == 'j' ? &envelope.is_junk
                                      : nullptr;
    if (!field) return permanent("envelope: unknown flag");
    if (std::exchange(*field, true)) return permanent("envelope: second flag of a kind");
  }
  return Done{};
}

Status set_field(Envelope& envelope, const Record& record) {
  std::string_view const value = record.value;
  switch (record.letter) {
    case 's':
      envelope.sender = TRY(Address::parse(Wire{value}));
      return Done{};
    case 'o':
      if (value != "i" && value != "s" && value != "l" && value != "b") return permanent("envelope: unknown origin");
      envelope.origin = static_cast<Origin>(value.front());
      return Done{};
    case 't':
      if (value != "f" && value != "h") return permanent("envelope: unknown RET");
      envelope.ret = static_cast<Return>(value.front());
      return Done{};
    case 'f':
      return set_flags(envelope, value);
    case 'e':
      return set_text(envelope.envid, value);
    case 'a':
      return set_text(envelope.login, value);
    case 'c':
      return set_text(envelope.client, value);
    case 'g':
      return set_text(envelope.helo, value);
    case 'p':
      return set_text(envelope.protocol, value);
    case 'k':
      return set_text(envelope.tls, value);
    case 'u':
      envelope.injector = TRY(number_of(value, 0xffffffffu));
      return Done{};
    case 'h':
      if (value.empty() || !are_header_lines(value)) return permanent("envelope: bad header lines");
      envelope.header_lines = value;
      return Done{};
    default:
      return permanent("envelope: unknown record");
  }
}

}  // namespace

Result<Envelope> Envelope::parse(Wire wire) {
  if (wire.size() > longest_envelope) return permanent("envelope: longer than 4 MiB");
  Envelope envelope;
  std::uint32_t seen = 0;  // a bit for each letter that may stand once
  bool is_at_recipient = false;
  std::string_view rest = wire.bytes();
  while (!rest.empty()) {
    auto const offset = static_cast<std::uint32_t>(wire.size() - rest.size());
    Record const record = TRY(take_record(rest));
    if (record.letter == 'r') {
      envelope.recipients.push_back(TRY(recipient_of(record.value)));
      envelope.recipients.back().offset = offset;
      is_at_recipient = true;
    } else if (record.letter == 'n' || record.letter == 'q') {
      if (!is_at_recipient) return permanent("envelope: a parameter that is not behind its recipient");
      TRY(set_recipient_parameter(envelope.recipients.back(), record));
    } else {
      TRY(set_field(envelope, record));
      std::uint32_t const bit = 1u << (record.letter - 'a');  // all letters that set_field() knows are a to z
      if (seen & bit) return permanent("envelope: second record of a kind");
      seen |= bit;
      is_at_recipient = false;
    }
  }
  if (!(seen & 1u << ('s' - 'a'))) return permanent("envelope: no sender");
  if (envelope.recipients.empty()) return permanent("envelope: no recipient");
  return envelope;
}

std::string Envelope::encoded() const {
  std::string text;
  append(text, 'o', std::string_view{reinterpret_cast<const char*>(&origin), 1});
  append(text, 's', sender.text());
  if (!envid.empty()) append(text, 'e', envid);
  if (ret != Return::unset) append(text, 't', std::string_view{reinterpret_cast<const char*>(&ret), 1});
  std::string flags;
  if (is_eight_bit) flags += '8';
  if (is_utf8) flags += 'u';
  if (is_junk) flags += 'j';
  if (!flags.empty()) append(text, 'f', flags);
  if (!login.empty()) append(text, 'a', login);
  if (!client.empty()) append(text, 'c', client);
  if (!helo.empty()) append(text, 'g', helo);
  if (!protocol.empty()) append(text, 'p', protocol);
  if (!tls.empty()) append(text, 'k', tls);
  if (injector != 0) append(text, 'u', decimal(injector));
  if (!header_lines.empty()) append(text, 'h', header_lines);
  for (const Recipient& recipient : recipients) {
    append(text, 'r', recipient.address.text());
    if (recipient.notify != 0) append(text, 'n', decimal(recipient.notify));
    if (!recipient.original.empty()) append(text, 'q', recipient.original);
  }
  return text;
}

Result<Recipient> parse_recipient(Wire wire) {
  std::string_view rest = wire.bytes();
  Record const record = TRY(take_record(rest));
  if (record.letter != 'r') return permanent("envelope: no recipient there");
  Recipient recipient = TRY(recipient_of(record.value));
  while (!rest.empty() && (rest.front() == 'n' || rest.front() == 'q')) {
    auto const parameter = take_record(rest);
    if (!parameter) break;  // cut off by the reader's room
    TRY(set_recipient_parameter(recipient, *parameter));
  }
  return recipient;
}

bool are_header_lines(std::string_view text) {
  if (text.size() > longest_header_lines || (!text.empty() && text.back() != '\n')) return false;
  bool is_first = true;
  while (!text.empty()) {
    std::size_t const end = text.find('\n');
    std::string_view const line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (trimmed(line).empty() || line.find_first_of(std::string_view{"\r\0", 2}) != std::string_view::npos) return false;
    if (is_blank(line.front())) {
      if (is_first) return false;  // a fold of nothing
    } else {
      std::size_t const colon = line.find(':');
      if (colon == std::string_view::npos || colon == 0) return false;
      for (char const c : line.substr(0, colon))
        if (!is_graphic(c)) return false;
    }
    is_first = false;
  }
  return true;
}

}  // namespace postern
