#include "lib/net/checker_protocol.h"

#include <array>
#include <span>

#include "lib/core/netstring.h"
#include "lib/core/number.h"
#include "lib/core/wipe.h"
#include "lib/mail/login.h"
#include "lib/net/record.h"
#include "lib/os/io.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

constexpr std::size_t word_most = 1024;  // a login, a password
constexpr std::size_t short_word_most = 64;

Result<std::uint32_t> take_number(std::string_view& rest) {
  std::string_view const digits = TRY(take_netstring(rest));
  if (digits.size() > 1 && digits.front() == '0') return permanent("check: a number with a zero in front");
  return static_cast<std::uint32_t>(TRY(parse_number(Wire{digits}, 0xffffffffu)));
}

// The interface of checkpassword ends each in a NUL.
Result<std::string> take_word(std::string_view& rest) {
  std::string_view const word = TRY(take_netstring(rest));
  if (word.size() > word_most || word.find('\0') != std::string_view::npos)
    return permanent("check: a word too long, or with a NUL");
  return std::string{word};
}

}  // namespace

std::string CheckQuestion::encoded() const {
  std::string body;
  body.reserve(check_record_most);  // a password stands in one place, and not long
  Wiped const wiped{body};
  body += 'C';
  append_netstring(body, decimal(number));
  for (const std::string* const word : {&login, &password, &service, &client}) append_netstring(body, *word);
  append_netstring(body, decimal(uid));
  return with_record_head(body);
}

Result<CheckQuestion> CheckQuestion::parse(Wire wire) {
  std::string_view rest = wire.bytes();
  if (!rest.starts_with('C')) return permanent("check: not a question");
  rest.remove_prefix(1);
  CheckQuestion question;
  question.number = TRY(take_number(rest));
  question.login = TRY(take_word(rest));
  question.password = TRY(take_word(rest));
  question.service = TRY(take_record_text(rest, short_word_most));
  question.client = TRY(take_record_text(rest, short_word_most));
  question.uid = TRY(take_number(rest));
  if (question.uid == 0 || !rest.empty()) return permanent("check: root's uid, or something behind the question");
  return question;
}

std::string CheckAnswer::encoded() const {
  std::string body{static_cast<char>(kind)};
  append_netstring(body, decimal(number));
  if (kind == Kind::yes) append_netstring(body, login);
  if (kind == Kind::later) append_netstring(body, record_text(text));
  return with_record_head(body);
}

Result<CheckAnswer> CheckAnswer::parse(Wire wire) {
  std::string_view rest = wire.bytes();
  if (rest.empty() || std::string_view{"YNT"}.find(rest.front()) == std::string_view::npos)
    return permanent("check: not an answer");
  CheckAnswer answer;
  answer.kind = Kind{rest.front()};
  rest.remove_prefix(1);
  answer.number = TRY(take_number(rest));
  if (answer.kind == Kind::yes) answer.login = TRY(Login::parse(Wire{TRY(take_netstring(rest))})).text();
  if (answer.kind == Kind::later) answer.text = TRY(take_record_text(rest, report_text_most));
  if (!rest.empty()) return permanent("check: something behind the answer");
  return answer;
}

Result<CheckAnswer> ask_checker(std::string_view service, const CheckQuestion& question, Deadline deadline) {
  Fd const socket = TRY(connect_stream_at_once(service_socket(service)));
  std::string record = question.encoded();
  Wiped const wiped{record};
  TRY(write_all(socket.number(), record, deadline));
  std::array<char, record_head + check_record_most> room;
  std::span<char> const head = std::span{room}.first(record_head);
  TRY(read_exactly(socket.number(), head, deadline));
  std::size_t const length = TRY(record_body_length(Wire{std::string_view{head.data(), head.size()}}, check_record_most));
  std::span<char> const body = std::span{room}.subspan(record_head, length);
  TRY(read_exactly(socket.number(), body, deadline));
  CheckAnswer answer = TRY(CheckAnswer::parse(Wire{std::string_view{body.data(), body.size()}}));
  if (answer.number != question.number) return temporary("another question's answer from", service);
  return answer;
}

}  // namespace postern
