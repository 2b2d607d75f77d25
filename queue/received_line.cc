#include "queue/received_line.h"

#include "lib/core/ascii.h"
#include "lib/core/number.h"
#include "lib/mail/date.h"

namespace postern {
namespace {

constexpr std::size_t longest_name = 255;

// Only what can stand in a domain or an address literal; UTF-8 stays (RFC 6531 §3.7.3 gives such messages UTF8 protocols).
std::string cleaned(std::string_view name) {
  std::string clean;
  for (char const c : name.substr(0, longest_name)) {
    bool const is_harmless = is_alnum(c) || is_eight_bit(c) || std::string_view{".-_:[]"}.find(c) != std::string_view::npos;
    clean += is_harmless ? c : '?';
  }
  return clean.empty() ? "unknown" : clean;
}

// Protocol and cipher: what can stand in a comment.
std::string cleaned_words(std::string_view words) {
  std::string clean;
  for (char const c : words.substr(0, longest_name))
    clean += is_alnum(c) || std::string_view{".-_ "}.find(c) != std::string_view::npos ? c : '?';
  return clean;
}

std::string address_literal(std::string_view address) {
  return (address.find(':') != std::string_view::npos ? "[IPv6:" : "[") + cleaned(address) + "]";
}

}  // namespace

std::string received_line(const Envelope& envelope, const QueueId& id, std::string_view me, WallTime now) {
  std::string line{"Received: "};
  if (envelope.protocol.empty()) {
    line += "by ";
    line += me;
    line += envelope.origin == Origin::bounce ? " (Postern, bounce)" : " (Postern, from uid " + decimal(envelope.injector) + ")";
  } else {
    if (envelope.origin != Origin::submission || !envelope.client.empty()) {  // where somebody sits who logged in is his business
      line += "from " + cleaned(envelope.helo);
      if (!envelope.client.empty()) line += " (" + address_literal(envelope.client) + ")";
      line += "\n  ";
    }
    line += "by ";
    line += me;
    line += " (Postern) with " + cleaned(envelope.protocol);
    if (!envelope.tls.empty()) line += " (" + cleaned_words(envelope.tls) + ")";
  }
  line += "\n  id " + id.text() + "; " + MailDate{now}.text() + "\n";
  return line;
}

}  // namespace postern
