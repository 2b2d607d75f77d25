#include "lib/net/desk_protocol.h"

#include "lib/core/ascii.h"
#include "lib/core/netstring.h"
#include "lib/core/number.h"
#include "lib/net/record.h"

namespace postern {
namespace {

constexpr std::string_view verbs = "LCSWVHRDFPUQ";
constexpr std::uint64_t longest_span = 1ull << 40;  // seconds
constexpr std::uint64_t largest_number = ~0ull;

struct Shape {
  DeskAnswer::Kind kind;
  std::size_t texts, numbers;
};
using Kind = DeskAnswer::Kind;
constexpr Shape shapes[] = {{Kind::message, 5, 4}, {Kind::recipient, 3, 5}, {Kind::field, 2, 0}, {Kind::header, 1, 0},
                            {Kind::body, 1, 0},    {Kind::outcome, 4, 2},   {Kind::pause, 1, 2}, {Kind::finding, 2, 0},
                            {Kind::end, 0, 2},     {Kind::error, 1, 1}};

void append_part(std::string& body, char letter, std::string_view value) {
  append_netstring(body, std::string{letter}.append(value));
}

void append_part(std::string& body, char letter, const std::optional<std::string>& value) {
  if (value) append_part(body, letter, std::string_view{*value});
}

void append_part(std::string& body, char letter, const std::optional<Seconds>& value) {
  if (value) append_part(body, letter, std::string_view{decimal(static_cast<std::uint64_t>(value->count()))});
}

Status set_once(std::optional<std::string>& part, std::string_view value) {
  if (part) return permanent("desk protocol: a part twice");
  for (char const c : value)
    if (is_control(c)) return permanent("desk protocol: a control character in a word");
  part = std::string{value};
  return Done{};
}

Status set_once(std::optional<Seconds>& part, std::string_view value) {
  if (part) return permanent("desk protocol: a part twice");
  part = Seconds{static_cast<std::int64_t>(TRY(parse_number(Wire{value}, longest_span)))};
  return Done{};
}

Status set_part(DeskRequest& request, std::optional<std::string>& word, char letter, std::string_view value) {
  Selection& selection = request.selection;
  switch (letter) {
    case 'a':
      if (selection.is_all || !value.empty()) return permanent("desk protocol: a part twice");
      selection.is_all = true;
      return Done{};
    case 'i':
      if (selection.ids.size() == desk_ids_most) return permanent("desk protocol: too many IDs");
      selection.ids.push_back(TRY(QueueId::parse(Wire{value})));
      return Done{};
    case 's':
      return set_once(selection.sender, value);
    case 'r':
      return set_once(selection.recipient, value);
    case 'd':
      return set_once(selection.domain, value);
    case 'o':
      return set_once(selection.older, value);
    case 'y':
      return set_once(selection.younger, value);
    case 'w':
      return set_once(word, value);
    default:
      return permanent("desk protocol: an unknown part");
  }
}

const Shape* shape_of(char letter) {
  for (const Shape& shape : shapes)
    if (static_cast<char>(shape.kind) == letter) return &shape;
  return nullptr;
}

}  // namespace

Result<std::size_t> desk_record_length(Wire head) { return record_body_length(head, desk_record_most); }

std::string DeskRequest::encoded() const {
  std::string body{static_cast<char>(verb)};
  if (selection.is_all) append_part(body, 'a', std::string_view{});
  for (const QueueId& id : selection.ids) append_part(body, 'i', id.view());
  append_part(body, 's', selection.sender);
  append_part(body, 'r', selection.recipient);
  append_part(body, 'd', selection.domain);
  append_part(body, 'o', selection.older);
  append_part(body, 'y', selection.younger);
  if (!word.empty()) append_part(body, 'w', std::string_view{word});
  return with_record_head(body);
}

Result<DeskRequest> DeskRequest::parse(Wire body) {
  std::string_view rest = body.bytes();
  if (rest.empty() || verbs.find(rest.front()) == std::string_view::npos) return permanent("desk protocol: an unknown verb");
  DeskRequest request{static_cast<DeskVerb>(rest.front()), {}, {}};
  rest.remove_prefix(1);
  std::optional<std::string> word;
  while (!rest.empty()) {
    std::string_view const part = TRY(take_netstring(rest));
    if (part.empty() || part.size() > desk_word_most) return permanent("desk protocol: a part of wrong length");
    TRY(set_part(request, word, part.front(), part.substr(1)));
  }
  request.word = word.value_or(std::string{});
  return request;
}

std::string DeskAnswer::encoded() const {
  std::string body{static_cast<char>(kind)};
  for (const std::string& text : texts) append_netstring(body, text);
  for (std::uint64_t const number : numbers) append_netstring(body, decimal(number));
  return with_record_head(body);
}

Result<DeskAnswer> DeskAnswer::parse(Wire body) {
  std::string_view rest = body.bytes();
  const Shape* const shape = rest.empty() ? nullptr : shape_of(rest.front());
  if (!shape) return permanent("desk protocol: an unknown answer");
  rest.remove_prefix(1);
  DeskAnswer answer{shape->kind, {}, {}};
  for (std::size_t i = 0; i < shape->texts; ++i) answer.texts.emplace_back(TRY(take_netstring(rest)));
  for (std::size_t i = 0; i < shape->numbers; ++i)
    answer.numbers.push_back(TRY(parse_number(Wire{TRY(take_netstring(rest))}, largest_number)));
  if (!rest.empty()) return permanent("desk protocol: something behind an answer");
  return answer;
}

}  // namespace postern
