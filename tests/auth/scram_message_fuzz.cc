// A SCRAM message is refused, or its parts put together again are the message.
#include "auth/scram_exchange.h"
#include "auth/scram_message.h"
#include "lib/core/base64.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  if (auto const first = ScramFirst::parse(Wire{text})) {
    if (first->header + first->bare != text || first->login.empty() || first->nonce.empty()) __builtin_trap();
    AuthContext context;
    context.exporter = "exporter";
    ScramKeys const keys{4096, "saltsalt", std::string(32, 's'), std::string(32, 'k')};
    for (std::string_view const mechanism : {"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"}) {
      auto const exchange = ScramExchange::start(*first, keys, context, mechanism, "server");
      bool const is_bound = first->binding == ScramFirst::Binding::used;
      if (exchange && is_bound != (mechanism == "SCRAM-SHA-256-PLUS")) __builtin_trap();
      if (exchange && first->binding == ScramFirst::Binding::unused) __builtin_trap();
      if (exchange && exchange->finish({first->header, first->nonce + "server", "c=,r=", std::string(32, 'p')}).is_right)
        __builtin_trap();
    }
  }
  if (auto const last = ScramFinal::parse(Wire{text}))
    if (last->without_proof + ",p=" + base64(last->proof) != text || last->nonce.empty()) __builtin_trap();
  return 0;
}
