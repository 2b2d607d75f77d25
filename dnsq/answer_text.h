// answer_text - an answer of DNS as a person or a program reads it; what strangers wrote does nothing to a terminal
#pragma once

#include <string>

#include "lib/net/dns_protocol.h"

namespace postern {

// "example.org mx: found, validated, good for 300 s" and a line for each record.
std::string text_of_answer(const DnsQuestion& question, const DnsAnswer& answer);
// One object and a line end.
std::string json_of_answer(const DnsQuestion& question, const DnsAnswer& answer);

// In quotes; bytes that are not printable ASCII, '"' and '\' as \xNN.
std::string quoted_text(std::string_view bytes);

}  // namespace postern
