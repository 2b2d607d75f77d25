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
  constexpr std::size_t number_at = 2 + QueueId::length + 1;
  if (text.size() != clean_record_size) return permanent("clean protocol: not a record");
  if (std::string_view{"RBSXArbsx"}.find(text[0]) == std::string_view::npos) return permanent("clean protocol: unknown letter");
  QueueId const id = TRY(QueueId::parse(Wire{text.substr(2, QueueId::length)}));
  std::string_view const number = text.substr(number_at, text.find(' ', number_at) - number_at);
  CleanRecord const record{static_cast<CleanLetter>(text[0]), id,
                           static_cast<std::uint32_t>(TRY(parse_number(Wire{number}, 0xffffffffu)))};
  if (record.encoded() != text) return permanent("clean protocol: not as laid out");  // one spelling for each
  return record;
}

}  // namespace postern
