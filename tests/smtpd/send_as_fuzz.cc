// Fuzz target of SendAs::parse: what it takes has one login and covers no more than the line says.
#include <cstdint>

#include "smtpd/sender_rights.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view const line{reinterpret_cast<const char*>(data), size};
  auto const grant = SendAs::parse(Wire{line});
  if (!grant) return 0;
  auto const other = Address::parse(Wire{"nobody@else.example"});
  bool const is_for_all = grant->domain.empty() && grant->local_part.empty();
  bool const names_other = grant->domain == "else.example" && (grant->local_part.empty() || grant->local_part == "nobody");
  if (grant->covers(grant->login, *other) != (is_for_all || names_other) || grant->covers(grant->login + "x", *other)) abort();
  if (grant->domain.empty() && !grant->local_part.empty()) abort();
  return 0;
}
