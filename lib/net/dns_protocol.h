// dns_protocol - how dnsqd is asked, and what it answers (doc/protocols.md)
//
// A record: four bytes of length of what follows (big-endian), a letter, and netstrings. Many questions may be under way
// on one connection; answers come in the order in which they are found, each with its question's number.
//   client → dnsqd   Q  number, type, name
//   dnsqd → client   A  number, status, S when validated, seconds to live, canonical name, why, records left out, and
//                       a netstring for each record: A an address, M a preference and a host, N a name, T a text's
//                       bytes, L a TLSA record
//
// What an answer says was chosen by strangers. A DnsAnswer that exists is bounded and its names are valid: lower case, no
// dot at the end, and where a host is meant a host name; a name that is none stands in the form of RFC 1035 §5.1, with
// \DDD for every byte that is not printable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/net/ip.h"
#include "lib/net/record.h"

namespace postern {

constexpr std::size_t dns_question_most = 512;  // bytes of a record behind its head
constexpr std::size_t dns_answer_most = 72u << 10;
constexpr std::size_t dns_records_most = 256;             // of one answer
constexpr std::size_t dns_record_bytes_most = 64u << 10;  // in all
constexpr std::size_t dns_name_most = 1016;               // of an escaped name; of a host name 253

enum class DnsType : std::uint16_t { a = 1, cname = 5, ptr = 12, mx = 15, txt = 16, aaaa = 28, tlsa = 52 };
std::optional<DnsType> dns_type_of(std::string_view name);  // "mx", "MX"
std::string_view dns_type_name(DnsType type);               // "mx"

enum class DnsStatus : char {
  found = 'F',    // there are records
  no_name = 'X',  // no such name, whatever the type
  no_data = 'N',  // the name is there, records of this type are not
  failed = 'T',   // no answer could be had: try later
  bogus = 'B',    // an answer came, and DNSSEC says that it is forged, damaged or expired: try later
};

struct DnsMx {
  std::uint16_t preference;
  std::string host;  // a host name, or "." for "no mail here" (RFC 7505)
  friend bool operator==(const DnsMx&, const DnsMx&) = default;
};

struct DnsTlsa {  // RFC 6698 §2.1; only sizes are checked
  std::uint8_t usage, selector, matching;
  std::string data;  // 1 to 4096 raw bytes
  friend bool operator==(const DnsTlsa&, const DnsTlsa&) = default;
};

struct DnsQuestion {
  std::uint32_t number = 0;  // the client's own
  DnsType type = DnsType::a;
  std::string name;  // lower case, no dot at the end

  // A permanent error: no such name can exist. Labels of 1 to 63 printable bytes but '\', 253 in all.
  static Result<DnsQuestion> make(std::uint32_t number, DnsType type, std::string_view name);
  std::string encoded() const;
  static Result<DnsQuestion> parse(Wire body);
  friend bool operator==(const DnsQuestion&, const DnsQuestion&) = default;
};

struct DnsAnswer {
  DnsStatus status = DnsStatus::failed;
  bool is_secure = false;      // DNSSEC: this answer, a "no" too, is what the zones' owners signed
  std::uint32_t ttl = 0;       // seconds
  std::string canonical;       // where the CNAMEs end; the name itself without any. Of bogus and failed: empty.
  std::string why;             // for the log: printable ASCII, at most 512 bytes
  std::uint32_t left_out = 0;  // records that cannot be used: an MX without a host name ... Found, and none left: so be it.
  std::vector<IpAddress> addresses;
  std::vector<DnsMx> mx;           // in no order
  std::vector<std::string> texts;  // TXT: each record's strings joined; any bytes
  std::vector<std::string> names;  // PTR: the hosts; CNAME: the target
  std::vector<DnsTlsa> tlsa;

  // `number` is that of the question. An answer beyond the bounds is encoded as one that failed.
  std::string encoded(std::uint32_t number) const;
  static Result<DnsAnswer> parse(Wire body);
  friend bool operator==(const DnsAnswer&, const DnsAnswer&) = default;
};
// The number of the question that an answer belongs to.
Result<std::uint32_t> dns_answer_number(Wire body);

// Letters, digits, hyphens and underscores (which mail hosts in use have), labels of 1 to 63, 253 in all, lower case.
bool is_dns_host_name(std::string_view text);
// "1.2.0.192.in-addr.arpa" or its IPv6 form: where the PTR records of an address are.
std::string reverse_name(const IpAddress& address);

}  // namespace postern
