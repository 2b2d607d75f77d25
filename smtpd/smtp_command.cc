#include "smtpd/smtp_command.h"

#include "lib/core/ascii.h"
#include "lib/core/number.h"
#include "lib/os/settings.h"
#include "smtpd/command_words.h"

namespace postern {
namespace {

constexpr std::size_t longest_envid = 100;     // RFC 3461 §4.4
constexpr std::size_t longest_original = 500;  // RFC 3461 §4.2

Error bad_sender() { return permanent("501 5.1.7 That is not a sender's <address>"); }
Error bad_recipient() { return permanent("501 5.1.3 That is not a recipient's <address>"); }
Error given_twice() { return permanent("501 5.5.4 A parameter is given twice"); }
Error unknown_parameter() { return permanent("555 5.5.4 Parameter not implemented"); }

Status take_size(MailCommand& command, std::string_view value) {
  auto const size = parse_number(Wire{value}, any_size);
  if (!size && value.size() <= 20 && value.find_first_not_of("0123456789") == std::string_view::npos && !value.empty())
    return permanent("552 5.3.4 Larger than any message this host takes");
  if (!size) return permanent("501 5.5.4 SIZE needs a number");
  command.size = *size;
  return Done{};
}

Status take_body(MailCommand& command, std::string_view value) {
  if (equal_ignoring_case(value, "8BITMIME"))
    command.is_eight_bit = true;
  else if (equal_ignoring_case(value, "BINARYMIME"))
    return permanent("555 5.5.4 BODY=BINARYMIME not implemented");
  else if (!equal_ignoring_case(value, "7BIT"))
    return permanent("501 5.5.4 BODY needs 7BIT or 8BITMIME");
  return Done{};
}

Status take_return(MailCommand& command, std::string_view value) {
  if (equal_ignoring_case(value, "FULL"))
    command.ret = Return::full;
  else if (equal_ignoring_case(value, "HDRS"))
    command.ret = Return::headers;
  else
    return permanent("501 5.5.4 RET needs FULL or HDRS");
  return Done{};
}

Status take_envid(MailCommand& command, std::string_view value) {
  auto text = decode_xtext(Wire{value});
  if (!text || text->empty() || value.size() > longest_envid || !is_all_ascii(*text))
    return permanent("501 5.5.4 ENVID needs at most 100 characters of xtext");
  command.envid = *std::move(text);
  return Done{};
}

// RFC 4954 §5: xtext, or <> for nobody in particular.
Status take_auth(MailCommand& command, std::string_view value) {
  auto const text = decode_xtext(Wire{value});
  if (!text || text->empty() || value.size() > longest_original) return permanent("501 5.5.4 AUTH= needs xtext or <>");
  command.has_auth = true;
  return Done{};
}

Status take_notify(RcptCommand& command, std::string_view value) {
  if (equal_ignoring_case(value, "NEVER")) {
    command.notify = notify_never;
    return Done{};
  }
  for (;;) {
    std::size_t const comma = value.find(',');
    std::string_view const word = value.substr(0, comma);
    unsigned const bit = equal_ignoring_case(word, "SUCCESS")   ? notify_success
                         : equal_ignoring_case(word, "FAILURE") ? notify_failure
                         : equal_ignoring_case(word, "DELAY")   ? notify_delay
                                                                : 0u;
    if (bit == 0) return permanent("501 5.5.4 NOTIFY needs NEVER, or some of SUCCESS,FAILURE,DELAY");
    command.notify |= bit;
    if (comma == std::string_view::npos) return Done{};
    value.remove_prefix(comma + 1);
  }
}

Status take_original(RcptCommand& command, std::string_view value, bool is_utf8) {
  std::size_t const semicolon = value.find(';');
  std::string_view const type = value.substr(0, semicolon);
  bool is_good = semicolon != std::string_view::npos && !type.empty() && value.size() <= longest_original;
  for (char const c : type) is_good = is_good && (is_alnum(c) || c == '-');
  if (!is_good) return permanent("501 5.5.4 ORCPT needs type;address in xtext");
  auto const text = decode_xtext(Wire{value.substr(semicolon + 1)});
  if (!text || text->empty() || !is_valid_utf8(*text)) return permanent("501 5.5.4 ORCPT needs type;address in xtext");
  if (!is_utf8 && !is_all_ascii(*text)) return permanent("501 5.6.7 This ORCPT needs SMTPUTF8");
  command.original = std::string{type} + ";" + *text;
  return Done{};
}

// The address between the angle brackets, at the front of `rest` and gone from it.
Result<std::string_view> take_address(std::string_view& rest, std::string_view keyword, const Error& bad_address) {
  if (!starts_with_ignoring_case(rest, keyword)) return permanent("501 5.5.4 The command needs FROM:<address> or TO:<address>");
  rest.remove_prefix(keyword.size());
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);  // not in the grammar, but written often
  auto const path = take_path(rest);
  if (!path) return bad_address;
  return *path;
}

}  // namespace

Result<std::string> decode_xtext(Wire text) {
  std::string decoded;
  std::string_view const bytes = text.bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    char c = bytes[i];
    if (c == '=' || (!is_graphic(c) && !is_eight_bit(c))) return permanent("xtext: a character that must be encoded");
    if (c == '+') {
      if (bytes.size() - i < 3 || !is_hex_digit(bytes[i + 1]) || !is_hex_digit(bytes[i + 2]))
        return permanent("xtext: + without two digits");
      c = static_cast<char>(hex_value(bytes[i + 1]) * 16 + hex_value(bytes[i + 2]));
      i += 2;
    }
    if (is_control(c)) return permanent("xtext: control character");
    decoded += c;
  }
  return decoded;
}

Result<MailCommand> MailCommand::parse(Wire argument) {
  std::string_view rest = argument.bytes();
  std::string_view const path = TRY(take_address(rest, "FROM:", bad_sender()));
  auto sender = path == qmail_double_bounce ? Address::null_sender() : Address::parse(Wire{path});
  if (!sender) return bad_sender();
  MailCommand command;
  command.sender = *std::move(sender);

  enum : unsigned { size = 1, body = 2, utf8 = 4, ret = 8, envid = 16, auth = 32 };
  unsigned seen = 0;
  auto const is_second = [&seen](unsigned bit) { return (std::exchange(seen, seen | bit) & bit) != 0; };
  while (!rest.empty()) {
    Parameter const parameter = TRY(take_parameter(rest));
    bool is_repeated = false;
    if (parameter.is("SIZE")) {
      is_repeated = is_second(size);
      TRY(take_size(command, parameter.value));
    } else if (parameter.is("BODY")) {
      is_repeated = is_second(body);
      TRY(take_body(command, parameter.value));
    } else if (parameter.is("SMTPUTF8")) {
      is_repeated = is_second(utf8);
      if (parameter.has_value) return permanent("501 5.5.4 SMTPUTF8 takes no value");
      command.is_utf8 = true;
    } else if (parameter.is("RET")) {
      is_repeated = is_second(ret);
      TRY(take_return(command, parameter.value));
    } else if (parameter.is("ENVID")) {
      is_repeated = is_second(envid);
      TRY(take_envid(command, parameter.value));
    } else if (parameter.is("AUTH")) {
      is_repeated = is_second(auth);
      TRY(take_auth(command, parameter.value));
    } else {
      return unknown_parameter();
    }
    if (is_repeated) return given_twice();
  }
  if (!command.is_utf8 && !command.sender.is_ascii()) return permanent("550 5.6.7 This address needs SMTPUTF8");  // RFC 6531 §3.5
  return command;
}

Result<RcptCommand> RcptCommand::parse(Wire argument, bool is_utf8) {
  std::string_view rest = argument.bytes();
  std::string_view const path = TRY(take_address(rest, "TO:", bad_recipient()));
  RcptCommand command;
  if (!equal_ignoring_case(path, "postmaster")) {
    auto address = Address::parse(Wire{path});
    if (!address || address->is_null_sender()) return bad_recipient();
    if (!is_utf8 && !address->is_ascii()) return permanent("553 5.6.7 This address needs SMTPUTF8");  // RFC 6531 §3.5
    command.address = *std::move(address);
  }
  while (!rest.empty()) {
    Parameter const parameter = TRY(take_parameter(rest));
    if (parameter.is("NOTIFY")) {
      if (command.notify != 0) return given_twice();
      TRY(take_notify(command, parameter.value));
    } else if (parameter.is("ORCPT")) {
      if (!command.original.empty()) return given_twice();
      TRY(take_original(command, parameter.value, is_utf8));
    } else {
      return unknown_parameter();
    }
  }
  return command;
}

Result<BdatCommand> BdatCommand::parse(Wire argument) {
  std::string_view const text = argument.bytes();
  std::size_t const space = text.find(' ');
  bool const has_word = space != std::string_view::npos;
  if (has_word && !equal_ignoring_case(trimmed(text.substr(space)), "LAST"))
    return permanent("501 5.5.4 BDAT needs a size, then LAST or nothing");
  std::string_view const digits = text.substr(0, space);
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos)
    return permanent("501 5.5.4 BDAT needs a size, then LAST or nothing");
  auto const size = parse_number(Wire{digits}, any_size);
  if (!size) return permanent("552 5.3.4 No chunk is as large as that");
  return BdatCommand{*size, has_word};
}

}  // namespace postern
