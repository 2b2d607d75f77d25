#include "pop3d/pop3_words.h"

#include "lib/core/ascii.h"

namespace postern {

void say_common_capabilities(ResponseWriter& out) {
  for (std::string_view const capability : {"TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER",
                                            "LOGIN-DELAY 0", "UTF8", "LANG", "IMPLEMENTATION Postern"})
    out.line(capability);
}

void say_login_capabilities(ResponseWriter& out, LoginOffer offer) {
  if (offer != LoginOffer::scram) out.line("USER");
  out.line("SASL " + std::string{sasl_mechanisms(offer)});
}

bool answer_language(const Pop3Command& command, ResponseWriter& out) {
  if (!command.has_argument) {
    for (std::string_view const line : {"+OK languages:", "en English", "."}) out.line(line);
    return true;
  }
  bool const is_known = command.argument == "*" || equal_ignoring_case(command.argument, "en");
  out.line(is_known ? "+OK en It is English" : "-ERR There is English only");
  return is_known;
}

}  // namespace postern
