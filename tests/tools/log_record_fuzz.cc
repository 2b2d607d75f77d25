// Whatever a log holds is a line with a stamp or none.
#include "tools/log_record.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  auto const record = LogRecord::parse(Wire{text});
  auto const stamp = LogStamp::parse(Wire{text.substr(0, 25)});
  if (record.has_value() != stamp.has_value()) __builtin_trap();
  if (!record) return 0;
  if (record->stamp != *stamp || stamp->nanoseconds() >= 1'000'000'000) __builtin_trap();
  std::size_t length = 0;
  for (const LogField& field : record->fields) length += field.key.size() + field.value.size();
  if (length > size) __builtin_trap();
  return 0;
}
