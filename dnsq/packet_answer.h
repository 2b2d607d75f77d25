// packet_answer - what a DNS message says to a question, as clients of dnsqd get it
//
// The message comes from libunbound, which has read, checked and written anew what servers sent; libc's ns_* functions
// take it apart. What its records hold is still a stranger's choice.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "lib/net/dns_protocol.h"

namespace postern {

// The record data of one answer becomes an answer's lists; CNAMEs are followed as far as the message goes.
DnsAnswer answer_of_packet(const DnsQuestion& question, std::span<const unsigned char> packet);

// A name on the wire, uncompressed, as text: lower case, \DDD for what is not printable, no dot at the end, "." for the root.
std::string escaped_name(std::span<const unsigned char> wire);

}  // namespace postern
