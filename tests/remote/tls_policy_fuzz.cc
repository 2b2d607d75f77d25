// Fuzz target of control/tlspolicy: a line that is taken names a policy, and its destination gets that policy and no other.
#include <cstdint>
#include <cstdlib>

#include "remote/tls_policy.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto const line = TlsPolicyLine::parse(Wire{std::string_view{reinterpret_cast<const char*>(data), size}});
  if (!line) return 0;
  if (tls_policy_name(line->policy).empty()) abort();
  std::string again = line->name.empty() ? "" : line->name + ":";
  again += tls_policy_name(line->policy);
  auto const back = TlsPolicyLine::parse(Wire{again});
  if (!back || *back != *line) abort();
  TlsPolicies policies;
  if (!policies.add(*line) || policies.add(*line)) abort();
  std::string const place = line->name.empty() ? "example.org" : line->name.front() == '.' ? "x" + line->name : line->name;
  auto const destination = Destination::parse(Wire{place});
  if (destination && policies.of(*destination) != line->policy) abort();
  return 0;
}
