#include "inject/sender_names.h"

#include <initializer_list>

#include "lib/core/ascii.h"

namespace postern {
namespace {

constexpr std::size_t longest_name = 200;

// The first variable of these that is there and says something.
std::string_view first_of(const Args& args, std::initializer_list<std::string_view> names, std::string_view otherwise) {
  for (std::string_view const name : names)
    if (auto const value = args.variable(name); value && !value->empty()) return *value;
  return otherwise;
}

bool is_encoded_word_byte(char c) { return is_alnum(c) || std::string_view{"!*+-/"}.find(c) != std::string_view::npos; }

// RFC 2047 §2, §5 (3): words of at most 75 characters, each of whole UTF-8 characters.
std::string encoded_words(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  constexpr std::string_view start = "=?utf-8?Q?";
  constexpr std::size_t room = 75 - start.size() - 2;
  std::string words, word;
  auto const end_word = [&] {
    if (!words.empty()) words += ' ';
    words += start;
    words += word;
    words += "?=";
    word.clear();
  };
  for (std::size_t i = 0; i < text.size();) {
    std::string character;
    do {
      auto const byte = static_cast<unsigned char>(text[i]);
      if (is_encoded_word_byte(text[i]))
        character += text[i];
      else if (text[i] == ' ')
        character += '_';
      else
        (character += '=') += {hex[byte >> 4], hex[byte & 15]};
      ++i;
    } while (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80);
    if (word.size() + character.size() > room) end_word();
    word += character;
  }
  end_word();
  return words;
}

// One line of text that is UTF-8, of bounded length.
std::string cleaned(std::string_view name) {
  std::string text;
  bool const is_utf8 = is_valid_utf8(name);
  for (char const c : name.substr(0, longest_name)) text += is_control(c) ? ' ' : is_eight_bit(c) && !is_utf8 ? '?' : c;
  while (!is_valid_utf8(text)) text.pop_back();  // cut inside of a character
  return std::string{trimmed(text)};
}

std::string escaped(std::string_view text, std::string_view special) {
  std::string escaped;
  for (char const c : text) {
    if (special.find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

}  // namespace

Result<InjectFlags> InjectFlags::parse(std::string_view letters) {
  InjectFlags flags;
  for (char const letter : letters) switch (letter) {
      case 'c':
        flags.puts_name_in_comment = true;
        break;
      case 's':
        flags.ignores_return_path = true;
        break;
      case 'f':
        flags.replaces_from = true;
        break;
      case 'i':
        flags.replaces_message_id = true;
        break;
      case 'm':
        flags.marks_sender = true;
        break;
      default:
        return permanent("QMAILINJECT: only c, s, f, i and m mean something here:", letters);
    }
  return flags;
}

Result<SenderNames> SenderNames::read(const Args& args, const Control& control) {
  std::string const me = TRY(control.me());
  auto const default_host = TRY(control.line<"defaulthost">()).value_or(me);
  auto const default_domain = TRY(control.line<"defaultdomain">()).value_or(me);
  auto const plus_domain = TRY(control.line<"plusdomain">()).value_or(me);
  auto const host = first_of(args, {"QMAILDEFAULTHOST"}, default_host);
  SenderNames names{TRY(Completion::make(host, first_of(args, {"QMAILDEFAULTDOMAIN"}, default_domain),
                                         first_of(args, {"QMAILPLUSDOMAIN"}, plus_domain)))};
  names.flags_ = TRY(InjectFlags::parse(args.variable("QMAILINJECT").value_or("")));
  names.user_ = first_of(args, {"QMAILUSER", "MAILUSER", "USER", "LOGNAME"}, "anonymous");
  names.host_ = first_of(args, {"QMAILHOST", "MAILHOST"}, "");
  names.name_ = cleaned(first_of(args, {"QMAILNAME", "MAILNAME", "NAME"}, ""));
  names.sender_user_ = first_of(args, {"QMAILSUSER"}, names.user_);
  names.sender_host_ = first_of(args, {"QMAILSHOST"}, names.host_);
  auto const id_host = TRY(control.line<"idhost">()).value_or(me);
  names.id_host_ = first_of(args, {"QMAILIDHOST"}, id_host);
  if (!Domain::parse(Wire{names.id_host_})) return permanent("idhost: not a domain name:", names.id_host_);
  return names;
}

Result<Address> SenderNames::made_of(std::string local_part, std::string_view host) const {
  std::string const full = completion_.host_of(host);
  return Address::make(std::move(local_part), TRY(Domain::parse(Wire{full})));
}

Result<Address> SenderNames::address_of(std::string_view text) const {
  bool const is_quoted = text.starts_with('"');
  std::size_t const at = is_quoted ? find_at_sign(text) : text.rfind('@');
  std::string_view const local = text.substr(0, at);
  if (local.empty() || at == text.size() - 1) return permanent("not an address:", text);
  std::string_view const host = at == std::string_view::npos ? "" : text.substr(at + 1);
  std::string const quoted_text = std::string{local} + "@" + completion_.host_of(host);
  auto address = is_quoted ? Address::parse(Wire{quoted_text}) : made_of(std::string{local}, host);
  if (!address) return permanent("not an address:", text);
  return address;
}

Result<Address> SenderNames::from() const {
  auto address = made_of(user_, host_);
  if (!address) return permanent("no address can be made of QMAILUSER, MAILUSER, USER or LOGNAME and QMAILHOST:", user_);
  return address;
}

Result<Address> SenderNames::sender(std::string_view mark) const {
  std::string user = sender_user_;
  if (flags_.marks_sender) (user += '-') += mark;
  auto address = made_of(std::move(user), sender_host_);
  if (!address) return permanent("no sender can be made of QMAILSUSER (or USER ...) and QMAILSHOST; use -f:", sender_user_);
  return address;
}

Result<std::string> SenderNames::from_text() const {
  std::string const address = TRY(from()).text();
  if (name_.empty()) return address;
  if (flags_.puts_name_in_comment) return address + " " + written_comment(name_);
  return written_phrase(name_) + " <" + address + ">";
}

std::string written_phrase(std::string_view name) {
  std::string const text = cleaned(name);
  if (!is_all_ascii(text)) return encoded_words(text);
  for (char const c : text)
    if (!is_alnum(c) && c != ' ' && std::string_view{"!#$%&'*+-/=?^_`{|}~"}.find(c) == std::string_view::npos)
      return '"' + escaped(text, "\"\\") + '"';
  return text;
}

std::string written_comment(std::string_view name) {
  std::string const text = cleaned(name);
  return '(' + (is_all_ascii(text) ? escaped(text, "()\\") : encoded_words(text)) + ')';
}

}  // namespace postern
