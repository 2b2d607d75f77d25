#include "lib/net/clean_protocol.h"

#include "lib/core/number.h"

namespace postern {

std::string CleanRecord::encoded() const {
  std::string text{static_cast<char>(letter)};
  text += ' ';
  text += id.view();
  text += ' ';
  append_decimal(text, error);
  text.resize(clean_record_size - 1, ' ');
  return text += '\n';
}

Result<CleanRecord> CleanRecord::parse(Wire wire) {
  std::string_view const text = wire.bytes();
  if (text.size() != clean_record_size || text.back() != '\n') return permanent("clean protocol: not a record");
  if (std::string_view{"RBSArbs"}.find(text[0]) == std::string_view::npos) return permanent("clean protocol: unknown letter");
  constexpr std::size_t number_at = 2 + QueueId::length + 1;
  if (text[1] != ' ' || text[number_at - 1] != ' ') return permanent("clean protocol: not as laid out");
  QueueId const id = TRY(QueueId::parse(Wire{text.substr(2, QueueId::length)}));
  std::string_view const rest = text.substr(number_at);
  std::size_t const end = rest.find(' ');
  if (end == std::string_view::npos || rest.find_first_not_of(' ', end) != rest.size() - 1)
    return permanent("clean protocol: not as laid out");
  auto const error = static_cast<std::uint32_t>(TRY(parse_number(Wire{rest.substr(0, end)}, 0xffffffffu)));
  return CleanRecord{static_cast<CleanLetter>(text[0]), id, error};
}

}  // namespace postern
