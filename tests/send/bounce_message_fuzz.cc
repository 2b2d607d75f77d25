// Words of others, of any bytes, in a report: its header and its parts keep their shape, and no line is made or ended by
// them. Input: a byte of choices, then a recipient's original address, the envelope's ID and the text, each ended by \n.
#include "send/bounce_message.h"

#include <stdlib.h>

#include <algorithm>
#include <array>

#include "lib/core/ascii.h"
#include "lib/mail/header.h"
#include "lib/mail/unitext.h"

using namespace postern;
using namespace std::string_view_literals;

namespace {

constexpr std::string_view boundary = "=_0123456789abcdefghijklmn";
constexpr Action actions[] = {Action::failed, Action::delivered, Action::relayed, Action::delayed};

void require(bool is_so) {
  if (!is_so) abort();
}

std::string take_line(std::string_view& rest, std::size_t most) {
  std::size_t const end = rest.find('\n');
  std::string line{rest.substr(0, std::min(end, most))};
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

// The parts between the boundaries, without their headers.
std::array<std::string_view, 3> parts_of(std::string_view text) {
  std::string const line = "\n--" + std::string{boundary} + "\n";
  std::array<std::string_view, 3> parts;
  std::size_t at = text.find(line);
  for (std::string_view& part : parts) {
    require(at != std::string_view::npos);
    text.remove_prefix(at + line.size());
    at = text.find(line);
    part = text.substr(0, at);
    part.remove_prefix(part.find("\n\n") + 2);
  }
  require(at == std::string_view::npos);
  return parts;
}

void check_lines(std::string_view text) {
  std::size_t length = 0;
  for (char const c : text) {
    length = c == '\n' ? 0 : length + 1;
    require(length <= 998 && (c == '\n' || !is_control(c)));
  }
}

void check_header(std::string_view text) {
  std::string names;
  HeaderReader reader{text};
  while (auto const field = reader.next()) (names += field->name()) += ' ';
  require(text.substr(reader.offset()).starts_with("\n--"));
  std::string_view rest = names;
  for (std::string_view const name : {"From "sv, "To "sv, "Subject "sv, "Date "sv, "Message-ID "sv, "Auto-Submitted "sv,
                                      "MIME-Version "sv, "Content-Type "sv}) {
    require(rest.starts_with(name));
    rest.remove_prefix(name.size());
  }
  require(rest.empty() || rest == "Content-Transfer-Encoding ");
}

// One block for the message, one for the recipient, of fields in their order and nothing else.
void check_status(std::string_view text) {
  std::string_view const order[] = {
      "Original-Envelope-Id: ", "Reporting-MTA: ",   "Arrival-Date: ", "\n",           "Original-Recipient: ",
      "Final-Recipient: ",      "Action: ",          "Status: ",       "Remote-MTA: ", "Diagnostic-Code: ",
      "Last-Attempt-Date: ",    "Will-Retry-Until: "};
  for (std::string_view const start : order) {
    if (!text.starts_with(start)) continue;
    text.remove_prefix(start == "\n" ? 1 : text.find('\n') + 1);
  }
  require(text.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view rest{reinterpret_cast<const char*>(data), size};
  if (rest.empty()) return 0;
  auto const choices = static_cast<unsigned char>(rest.front());
  rest.remove_prefix(1);
  auto const id = *QueueId::parse(Wire{"1j0r1kbl9t2cc42n9mq"sv});
  Envelope envelope;
  envelope.is_utf8 = (choices & 4) != 0;
  Recipient recipient{*Address::parse(Wire{choices & 8 ? "gr\xc3\xbc\xc3\x9f@here.example"sv : "a@here.example"sv}), 0, {}, 0};
  recipient.original = take_line(rest, 2000);
  envelope.envid = take_line(rest, 2000);
  Action const action = actions[choices & 3];
  bool const is_utf8_sender = (choices & 16) != 0;
  BounceMessage const report = compose_bounce({id,
                                               envelope,
                                               {{&recipient, action, 1, 2, std::string{rest.substr(0, 512)}}},
                                               "here.example",
                                               "MAILER-DAEMON@here.example",
                                               is_utf8_sender ? "\xc3\xbc@far.example" : "me@far.example",
                                               false,
                                               "fresh",
                                               "",
                                               std::string{boundary},
                                               false,
                                               false,
                                               WallTime{}});

  check_lines(report.before);
  check_header(report.before);
  auto const parts = parts_of(report.before);
  check_status(parts[1]);
  require(report.is_eight_bit == !is_all_ascii(report.before));
  require(report.is_utf8 ? is_valid_utf8(report.before) : is_all_ascii(parts[1]));

  std::string const text{rest.substr(0, 512)};
  if (is_valid_utf8(text) && std::none_of(text.begin(), text.end(), is_control)) {
    std::string const ascii = unitext(text);
    require(is_all_ascii(ascii) && from_unitext(Wire{ascii}) == text);
  }
  if (auto const plain = from_unitext(Wire{text})) {
    std::string const again = unitext(*plain);
    require(from_unitext(Wire{again}) == *plain);
  }
  return 0;
}
