// Whatever lines a client sends, an exchange ends: what authd is asked is well formed, and success takes its yes.
#include "lib/net/sasl_server.h"

#include "lib/core/base64.h"
#include "lib/net/record.h"

using namespace postern;

namespace {

class Authd final : public AuthPort {
 public:
  bool said_yes = false;
  Result<AuthAnswer> ask(const AuthRequest& request, Deadline) override {
    std::string const record = request.encoded();
    auto const back = AuthRequest::parse(Wire{std::string_view{record}.substr(record_head)});
    if (!back || !(*back == request)) __builtin_trap();
    AuthAnswer answer;
    if (request.kind == AuthRequest::Kind::first) {
      answer.kind = AuthAnswer::Kind::challenge;
      answer.message = "r=x,s=eA==,i=4096";
    } else if (request.password == "secret" || request.message.ends_with("yes")) {
      answer.kind = AuthAnswer::Kind::yes;
      answer.login = "alice";
      said_yes = true;
    } else {
      answer.reason = AuthAnswer::Reason::bad;
    }
    return answer;
  }
};

}  // namespace

// First line: how the connection is; second: the mechanism; third: the initial response, "-" is none; then lines.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view rest{reinterpret_cast<const char*>(data), size};
  auto const take = [&] {
    std::size_t const end = rest.find('\n');
    std::string_view const line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return line;
  };
  Authd authd;
  std::string_view const how = take();
  SaslServer sasl{authd, {"imap", "192.0.2.1", how.find('p') != how.npos, how.find('x') != how.npos ? "xxxx" : "", ""}};
  std::string_view const mechanism = take(), initial = take();
  auto step = sasl.start(mechanism, initial == "-" ? std::nullopt : std::optional{initial}, Deadline::never());
  for (unsigned count = 0; step.kind == SaslServer::Kind::challenge && !rest.empty(); ++count) {
    if (count > 4 || !from_base64(Wire{step.text})) __builtin_trap();
    step = sasl.next(take(), Deadline::never());
  }
  if (step.kind == SaslServer::Kind::success && (!authd.said_yes || step.login != "alice")) __builtin_trap();
  return 0;
}
