#include "dnsq/packet_answer.h"

#include <arpa/nameser.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "lib/core/ascii.h"

namespace postern {
namespace {

using Bytes = std::span<const unsigned char>;

constexpr int most_links = 32;                     // of a chain of CNAMEs; libunbound follows fewer
constexpr std::uint32_t longest_ttl = 0x7fffffff;  // RFC 2181 §8
constexpr std::size_t preference_bytes = 2;
constexpr std::size_t tlsa_head = 3;
constexpr std::size_t tlsa_data_most = 4096;

DnsAnswer unreadable() {
  DnsAnswer answer;
  answer.why = "the answer cannot be read";
  return answer;
}

struct Packet {
  Bytes bytes;
  ns_msg handle;
};

struct Record {
  std::string owner;
  std::uint16_t type;
  bool is_internet;  // of class IN
  std::uint32_t ttl;
  Bytes data;  // within the packet
};

// The name at `at`, which has to lie in the packet.
std::optional<std::string> name_at(const Packet& packet, const unsigned char* at) {
  std::array<unsigned char, NS_MAXCDNAME> room;
  const unsigned char* const end = packet.bytes.data() + packet.bytes.size();
  int const used = ns_name_unpack(packet.bytes.data(), end, at, room.data(), room.size());
  if (used < 0) return std::nullopt;
  return escaped_name(room);
}

std::optional<Record> record_at(Packet& packet, ns_sect section, int index) {
  ns_rr record;
  if (ns_parserr(&packet.handle, section, index, &record) != 0) return std::nullopt;
  std::array<unsigned char, NS_MAXCDNAME> wire;
  if (ns_name_pton(ns_rr_name(record), wire.data(), wire.size()) < 0) return std::nullopt;
  return Record{escaped_name(wire), static_cast<std::uint16_t>(ns_rr_type(record)), ns_rr_class(record) == ns_c_in,
                std::min<std::uint32_t>(ns_rr_ttl(record), longest_ttl), Bytes(ns_rr_rdata(record), record.rdlength)};
}

// The name that fills a record's data from `offset` on.
std::optional<std::string> name_in(const Packet& packet, const Record& record, std::size_t offset) {
  if (record.data.size() <= offset) return std::nullopt;
  return name_at(packet, record.data.data() + offset);
}

void add_address(DnsAnswer& answer, const Record& record) {
  if (record.type == ns_t_a && record.data.size() == sizeof(in_addr)) {
    in_addr address{};
    std::memcpy(&address, record.data.data(), sizeof address);
    answer.addresses.push_back(IpAddress::v4(address));
  } else if (record.type == ns_t_aaaa && record.data.size() == sizeof(in6_addr)) {
    in6_addr address{};
    std::memcpy(&address, record.data.data(), sizeof address);
    answer.addresses.push_back(IpAddress::v6(address));
  } else {
    ++answer.left_out;
  }
}

void add_mx(DnsAnswer& answer, const Packet& packet, const Record& record) {
  auto host = name_in(packet, record, preference_bytes);
  if (!host || (*host != "." && !is_dns_host_name(*host))) {
    ++answer.left_out;
    return;
  }
  auto const preference = static_cast<std::uint16_t>(record.data[0] << 8 | record.data[1]);
  answer.mx.push_back({preference, *std::move(host)});
}

void add_text(DnsAnswer& answer, const Record& record) {
  std::string text;
  for (Bytes rest = record.data; !rest.empty();) {
    std::size_t const length = rest.front();
    if (length >= rest.size()) {
      ++answer.left_out;
      return;
    }
    text.append(reinterpret_cast<const char*>(rest.data()) + 1, length);
    rest = rest.subspan(length + 1);
  }
  answer.texts.push_back(std::move(text));
}

void add_tlsa(DnsAnswer& answer, const Record& record) {
  if (record.data.size() <= tlsa_head || record.data.size() > tlsa_head + tlsa_data_most) {
    ++answer.left_out;
    return;
  }
  Bytes const data = record.data.subspan(tlsa_head);
  answer.tlsa.push_back(
      {record.data[0], record.data[1], record.data[2], {reinterpret_cast<const char*>(data.data()), data.size()}});
}

void add_name(DnsAnswer& answer, const Packet& packet, const Record& record) {
  auto name = name_in(packet, record, 0);
  if (!name || (record.type == ns_t_ptr && !is_dns_host_name(*name)))
    ++answer.left_out;
  else
    answer.names.push_back(*std::move(name));
}

void add_record(DnsAnswer& answer, const Packet& packet, const Record& record) {
  switch (record.type) {
    case ns_t_mx:
      return add_mx(answer, packet, record);
    case ns_t_txt:
      return add_text(answer, record);
    case ns_t_tlsa:
      return add_tlsa(answer, record);
    case ns_t_cname:
    case ns_t_ptr:
      return add_name(answer, packet, record);
    default:
      return add_address(answer, record);
  }
}

// Where the CNAMEs lead, from the question's name on; false when they do not end. A name that has both has its records.
bool follow(DnsAnswer& answer, const Packet& packet, std::span<const Record> records, std::uint16_t type) {
  for (int links = 0; links < most_links; ++links) {
    if (std::any_of(records.begin(), records.end(),
                    [&](const Record& record) { return record.type == type && record.owner == answer.canonical; }))
      return true;
    auto const link = std::find_if(records.begin(), records.end(), [&](const Record& record) {
      return record.type == ns_t_cname && record.owner == answer.canonical;
    });
    if (link == records.end()) return true;
    auto target = name_in(packet, *link, 0);
    if (!target) return false;
    answer.ttl = std::min(answer.ttl, link->ttl);
    answer.canonical = *std::move(target);
  }
  return false;
}

void add_records(DnsAnswer& answer, const Packet& packet, std::span<const Record> records, std::uint16_t type) {
  for (const Record& record : records) {
    if (record.type != type || record.owner != answer.canonical) continue;
    answer.status = DnsStatus::found;
    answer.ttl = std::min(answer.ttl, record.ttl);
    add_record(answer, packet, record);
  }
}

// RFC 2308 §5: how long a "no" holds is the lesser of the SOA's own time and its last field.
std::uint32_t negative_ttl(Packet& packet) {
  for (int i = 0; i < ns_msg_count(packet.handle, ns_s_ns); ++i) {
    auto const record = record_at(packet, ns_s_ns, i);
    if (!record || record->type != ns_t_soa || record->data.size() < sizeof(std::uint32_t)) continue;
    Bytes const field = record->data.last(sizeof(std::uint32_t));
    return std::min(record->ttl, static_cast<std::uint32_t>(ns_get32(field.data())));
  }
  return 0;
}

}  // namespace

std::string escaped_name(std::span<const unsigned char> wire) {
  std::string text;
  std::size_t at = 0;
  while (at < wire.size() && wire[at] != 0) {
    std::size_t const length = wire[at++];
    if (!text.empty()) text += '.';
    for (std::size_t end = std::min(at + length, wire.size()); at < end; ++at) {
      char const c = to_lower(static_cast<char>(wire[at]));
      if (c == '.' || c == '\\') {
        (text += '\\') += c;
      } else if (is_graphic(c)) {
        text += c;
      } else {
        text += '\\';
        for (unsigned divisor : {100u, 10u, 1u}) text += static_cast<char>('0' + wire[at] / divisor % 10);
      }
    }
  }
  return text.empty() ? "." : text;
}

DnsAnswer answer_of_packet(const DnsQuestion& question, std::span<const unsigned char> bytes) {
  Packet packet{bytes, {}};
  if (ns_initparse(bytes.data(), static_cast<int>(bytes.size()), &packet.handle) != 0) return unreadable();
  DnsAnswer answer;
  answer.ttl = longest_ttl;
  answer.canonical = question.name;
  std::vector<Record> records;
  for (int i = 0; i < ns_msg_count(packet.handle, ns_s_an); ++i) {
    auto record = record_at(packet, ns_s_an, i);
    if (!record) return unreadable();
    if (record->is_internet) records.push_back(*std::move(record));
  }
  int const rcode = ns_msg_getflag(packet.handle, ns_f_rcode);
  if (rcode != ns_r_noerror && rcode != ns_r_nxdomain) {
    answer = {};
    answer.why = "the server refuses or fails";
    return answer;
  }
  auto const type = static_cast<std::uint16_t>(question.type);
  if (question.type != DnsType::cname && !follow(answer, packet, records, type)) {
    answer = {};
    answer.why = "the chain of CNAMEs does not end";
    return answer;
  }
  answer.status = rcode == ns_r_nxdomain ? DnsStatus::no_name : DnsStatus::no_data;
  if (rcode == ns_r_noerror) add_records(answer, packet, records, type);
  if (answer.status != DnsStatus::found) answer.ttl = std::min(answer.ttl, negative_ttl(packet));
  return answer;
}

}  // namespace postern
