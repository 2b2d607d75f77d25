// What countd and its askers send each other: whatever is taken is written back byte for byte, and stays within the bounds; and
// a table with any history answers.
#include <stdlib.h>

#include "auth/count_table.h"
#include "lib/net/count_client.h"
#include "lib/net/record.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  if (auto const counted = Counted::parse(Wire{text}); counted && counted->encoded() != with_record_head(text)) abort();
  auto const request = CountRequest::parse(Wire{text});
  if (request && (request->encoded() != with_record_head(text) || request->key.size() > count_key_most)) abort();

  CountTable table{20};  // each byte: which key, how long after the last one, how much
  Seconds now{0};
  for (unsigned char const byte : text) {
    now += Seconds{1 << (byte & 15)};
    CountRequest const taken{CountRequest::Kind::take, std::string(1, static_cast<char>(byte >> 2)), byte, {200, 1000, 3000}};
    Counted const counted = table.answer(taken, now);
    if (counted.minute > counted.hour || counted.hour > counted.day || counted.day > 3000 || counted.minute > 200) abort();
  }
  if (table.size() > 20) abort();
  return 0;
}
