// pop3_words - what pop3-login and pop3d answer alike
#pragma once

#include "lib/net/login_protocol.h"
#include "pop3d/pop3_command.h"
#include "pop3d/response_writer.h"

namespace postern {

constexpr std::size_t longest_pop3_line = 512;  // RFC 2449 §4 asks for 255 octets
constexpr unsigned most_bad_commands = 20;
constexpr Milliseconds pop3_patience = 10min;  // RFC 1939 §3: at least

// The capabilities of both states (RFC 2449, 3206, 6856), and the ways to log in among them.
void say_common_capabilities(ResponseWriter& out);
void say_login_capabilities(ResponseWriter& out, LoginOffer offer);
// LANG (RFC 6856 §3): there is English. False: it was refused.
bool answer_language(const Pop3Command& command, ResponseWriter& out);

}  // namespace postern
