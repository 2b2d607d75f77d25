// Fuzz target of a whole session, on each of the three services: any bytes from a client, cut into what it says before and
// after handshakes. Whatever they are, every reply is a reply, every message that was taken is well formed and can be written to
// the queue, somebody who is known has sent it where that is asked for, and nothing is left half done.
#include <cstdint>

#include "lib/core/ascii.h"
#include "tests/smtpd/session_harness.h"

extern "C" void __sanitizer_set_report_fd(void* fd);

using namespace postern;

namespace {

void require(bool holds) {
  if (!holds) abort();
}

std::size_t accepted_in(std::string_view replies) {
  std::size_t count = 0;
  while (!replies.empty()) {
    std::size_t const end = replies.find("\r\n");
    require(end != std::string_view::npos && end >= 4);
    std::string_view const line = replies.substr(0, end);
    require(is_digit(line[0]) && is_digit(line[1]) && is_digit(line[2]) && (line[3] == ' ' || line[3] == '-'));
    for (char const c : line) require(!is_control(c));
    count += line.starts_with("250 2.0.0 Ok: queued as ");
    replies.remove_prefix(end + 2);
  }
  return count;
}

SessionHarness* make_harness() {
  // The session's log is thrown away; what a sanitizer has to say is not.
  __sanitizer_set_report_fd(reinterpret_cast<void*>(static_cast<std::intptr_t>(fcntl(2, F_DUPFD_CLOEXEC, 3))));
  return new SessionHarness;
}

// "...=TLS=\n...": what is said in private stands behind each mark.
std::vector<std::string> pieces_of(std::string_view bytes) {
  constexpr std::string_view mark = "=TLS=\n";
  std::vector<std::string> pieces;
  for (std::size_t at; (at = bytes.find(mark)) != std::string_view::npos; bytes.remove_prefix(at + mark.size()))
    pieces.emplace_back(bytes.substr(0, at));
  pieces.emplace_back(bytes);
  return pieces;
}

void check_message(const SessionRules& rules, const MemoryQueue::Message& message) {
  require(message.text.find('\r') == std::string::npos);
  auto const envelope = Envelope::parse(Wire{std::string_view{message.envelope.encoded()}});
  require(envelope.has_value() && envelope->recipients.size() <= 100);
  require(envelope->origin == (rules.is_submission() ? Origin::submission : Origin::inbound));
  require(envelope->login == (rules.is_submission() ? "bob" : ""));
  if (!rules.is_submission()) return;
  require(!envelope->tls.empty());
  require(envelope->sender.is_null_sender() || envelope->sender.text() == "bob@here.example" ||
          equal_ignoring_case(envelope->sender.text(), "bob@here.example"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static SessionHarness* const harness = make_harness();
  std::string_view const bytes{reinterpret_cast<const char*>(data), size};
  auto const pieces = pieces_of(bytes);
  harness->rules.recipients = 100;
  harness->rules.header_bytes = 1024;
  harness->rules.hops = 10;
  harness->rules.has_certificates = true;
  for (ServiceKind const kind : {ServiceKind::smtp, ServiceKind::submission, ServiceKind::submissions})
    for (BareLf const bare_lf : {BareLf::refuse, BareLf::mend}) {
      harness->rules.kind = kind;
      harness->rules.bare_lf = bare_lf;
      harness->quota = {};
      MemoryQueue queue;
      require(accepted_in(harness->run_pieces(pieces, queue)) == queue.messages.size());
      require(!queue.is_open && !queue.was_misused);
      require(kind == ServiceKind::smtp || harness->quota.taken - harness->quota.given_back == queue.messages.size());
      for (const MemoryQueue::Message& message : queue.messages) check_message(harness->rules, message);
    }
  return 0;
}
