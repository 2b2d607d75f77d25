#include "lib/net/dns_protocol.h"

#include <array>
#include <utility>

#include "lib/core/ascii.h"
#include "lib/core/netstring.h"
#include "lib/core/number.h"

namespace postern {
namespace {

constexpr std::size_t host_name_most = 253;
constexpr std::size_t label_most = 63;
constexpr std::size_t tlsa_data_most = 4096;
constexpr std::size_t tlsa_head = 3;
constexpr std::string_view too_much = "the answer has too many records or bytes";

constexpr std::array<std::pair<std::string_view, DnsType>, 7> type_names = {{{"a", DnsType::a},
                                                                             {"aaaa", DnsType::aaaa},
                                                                             {"mx", DnsType::mx},
                                                                             {"txt", DnsType::txt},
                                                                             {"ptr", DnsType::ptr},
                                                                             {"tlsa", DnsType::tlsa},
                                                                             {"cname", DnsType::cname}}};

constexpr std::uint16_t number_of(DnsType type) { return static_cast<std::uint16_t>(type); }

// Every label satisfies `is_label_byte`; dots stand between labels only.
template <class IsLabelByte>
bool has_good_labels(std::string_view name, IsLabelByte is_label_byte) {
  if (name.empty() || name.size() > host_name_most) return false;
  std::size_t length = 0;
  for (char const c : name) {
    if (c == '.') {
      if (length == 0) return false;
      length = 0;
    } else if (++length > label_most || !is_label_byte(c)) {
      return false;
    }
  }
  return length > 0;
}

bool can_be_asked(std::string_view name) {
  return has_good_labels(name, [](char c) { return is_graphic(c) && c != '\\' && !is_upper(c); });
}

// Of an answer: printable, no capitals; RFC 1035 §5.1 writes the rest as \DDD.
bool is_escaped_name(std::string_view name) {
  if (name.empty() || name.size() > dns_name_most) return false;
  for (char const c : name)
    if (!is_graphic(c) || is_upper(c)) return false;
  return true;
}

bool is_reason(std::string_view text) {
  if (text.size() > report_text_most) return false;
  for (char const c : text)
    if (c != ' ' && !is_graphic(c)) return false;
  return true;
}

std::string reason(std::string_view text) {
  std::string cleaned{text.substr(0, report_text_most)};
  for (char& c : cleaned)
    if (c != ' ' && !is_graphic(c)) c = '?';
  return cleaned;
}

Result<DnsType> parse_type(Wire digits) {
  std::uint64_t const number = TRY(parse_number(digits, 65535));
  for (auto const& entry : type_names)
    if (number_of(entry.second) == number) return entry.second;
  return permanent("DNS protocol: unknown type");
}

Result<std::uint32_t> take_number(std::string_view& rest) {
  return static_cast<std::uint32_t>(TRY(parse_number(Wire{TRY(take_netstring(rest))}, 0xffffffffu)));
}

// A record's netstring: a letter for its kind, then what it holds.
class RecordWriter {
 public:
  explicit RecordWriter(std::string& body) : body_(body) {}
  void add(char letter, std::string_view content) {
    record_ = letter;
    record_ += content;
    append_netstring(body_, record_);
    ++count_;
    bytes_ += content.size();
  }
  bool is_within_bounds() const { return count_ <= dns_records_most && bytes_ <= dns_record_bytes_most; }

 private:
  std::string& body_;
  std::string record_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

void add_records(RecordWriter& writer, const DnsAnswer& answer) {
  for (const IpAddress& address : answer.addresses) writer.add('A', address.text());
  for (const DnsMx& mx : answer.mx) writer.add('M', decimal(mx.preference) + ' ' + mx.host);
  for (const std::string& name : answer.names) writer.add('N', name);
  for (const std::string& text : answer.texts) writer.add('T', text);
  for (const DnsTlsa& tlsa : answer.tlsa)
    writer.add('L',
               std::string{static_cast<char>(tlsa.usage), static_cast<char>(tlsa.selector), static_cast<char>(tlsa.matching)} +
                   tlsa.data);
}

Status take_mx(DnsAnswer& answer, std::string_view content) {
  std::size_t const blank = content.find(' ');
  if (blank == std::string_view::npos) return permanent("DNS protocol: not an MX");
  auto const preference = static_cast<std::uint16_t>(TRY(parse_number(Wire{content.substr(0, blank)}, 65535)));
  std::string_view const host = content.substr(blank + 1);
  if (host != "." && !is_dns_host_name(host)) return permanent("DNS protocol: an MX without a host name");
  answer.mx.push_back({preference, std::string{host}});
  return Done{};
}

Status take_tlsa(DnsAnswer& answer, std::string_view content) {
  if (content.size() <= tlsa_head || content.size() > tlsa_head + tlsa_data_most)
    return permanent("DNS protocol: not a TLSA record");
  auto const byte = [content](std::size_t i) { return static_cast<std::uint8_t>(content[i]); };
  answer.tlsa.push_back({byte(0), byte(1), byte(2), std::string{content.substr(tlsa_head)}});
  return Done{};
}

Status take_entry(DnsAnswer& answer, std::string_view record) {
  if (record.empty()) return permanent("DNS protocol: empty record");
  std::string_view const content = record.substr(1);
  switch (record.front()) {
    case 'A':
      answer.addresses.push_back(TRY(IpAddress::parse(Wire{content})));
      return Done{};
    case 'M':
      return take_mx(answer, content);
    case 'N':
      if (!is_escaped_name(content)) return permanent("DNS protocol: not a name");
      answer.names.emplace_back(content);
      return Done{};
    case 'T':
      answer.texts.emplace_back(content);
      return Done{};
    case 'L':
      return take_tlsa(answer, content);
    default:
      return permanent("DNS protocol: unknown record");
  }
}

Status take_entries(DnsAnswer& answer, std::string_view rest) {
  std::size_t count = 0;
  std::size_t bytes = 0;
  while (!rest.empty()) {
    std::string_view const record = TRY(take_netstring(rest));
    bytes += record.size() - (record.empty() ? 0 : 1);
    if (++count > dns_records_most || bytes > dns_record_bytes_most) return permanent("DNS protocol: too many records");
    TRY(take_entry(answer, record));
  }
  if (count > 0 && answer.status != DnsStatus::found) return permanent("DNS protocol: records of what was not found");
  return Done{};
}

Result<DnsStatus> parse_status(std::string_view letter) {
  if (letter.size() != 1 || std::string_view{"FXNTB"}.find(letter) == std::string_view::npos)
    return permanent("DNS protocol: unknown status");
  return static_cast<DnsStatus>(letter.front());
}

std::string_view behind_letter(std::string_view body) { return body.substr(1); }

}  // namespace

std::optional<DnsType> dns_type_of(std::string_view name) {
  for (auto const& [text, type] : type_names)
    if (equal_ignoring_case(name, text)) return type;
  return std::nullopt;
}

std::string_view dns_type_name(DnsType type) {
  for (auto const& [text, named] : type_names)
    if (named == type) return text;
  return {};
}

bool is_dns_host_name(std::string_view text) {
  return has_good_labels(text, [](char c) { return is_lower(c) || is_digit(c) || c == '-' || c == '_'; });
}

std::string reverse_name(const IpAddress& address) {
  in6_addr const six = address.v6_bytes();
  std::string name;
  if (address.is_v4()) {
    for (std::size_t i = sizeof six.s6_addr; i > sizeof six.s6_addr - sizeof(in_addr); --i)
      (name += decimal(six.s6_addr[i - 1])) += '.';
    return name += "in-addr.arpa";
  }
  constexpr std::string_view digits = "0123456789abcdef";
  for (std::size_t i = sizeof six.s6_addr; i > 0; --i)
    ((name += digits[six.s6_addr[i - 1] & 0xf]) += '.', name += digits[six.s6_addr[i - 1] >> 4]) += '.';
  return name += "ip6.arpa";
}

Result<DnsQuestion> DnsQuestion::make(std::uint32_t number, DnsType type, std::string_view name) {
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  DnsQuestion question{number, type, to_lower(name)};
  if (!can_be_asked(question.name)) return permanent("not a name that DNS can have:", name);
  return question;
}

std::string DnsQuestion::encoded() const {
  std::string body{"Q"};
  append_netstring(body, decimal(number));
  append_netstring(body, decimal(number_of(type)));
  append_netstring(body, name);
  return with_record_head(body);
}

Result<DnsQuestion> DnsQuestion::parse(Wire body) {
  if (body.size() > dns_question_most || body.bytes().substr(0, 1) != "Q") return permanent("DNS protocol: not a question");
  std::string_view rest = behind_letter(body.bytes());
  DnsQuestion question;
  question.number = TRY(take_number(rest));
  question.type = TRY(parse_type(Wire{TRY(take_netstring(rest))}));
  question.name = TRY(take_netstring(rest));
  if (!can_be_asked(question.name)) return permanent("DNS protocol: not a name");
  if (!rest.empty()) return permanent("DNS protocol: something behind a question");
  return question;
}

std::string DnsAnswer::encoded(std::uint32_t number) const {
  std::string body{"A"};
  append_netstring(body, decimal(number));
  append_netstring(body, std::string_view{reinterpret_cast<const char*>(&status), 1});
  append_netstring(body, is_secure ? "S" : "");
  append_netstring(body, decimal(ttl));
  append_netstring(body, canonical);
  append_netstring(body, reason(why));
  append_netstring(body, decimal(left_out));
  RecordWriter writer{body};
  add_records(writer, *this);
  if (writer.is_within_bounds()) return with_record_head(body);
  DnsAnswer shorter;
  shorter.why = too_much;
  return shorter.encoded(number);
}

Result<std::uint32_t> dns_answer_number(Wire body) {
  if (body.size() > dns_answer_most || body.bytes().substr(0, 1) != "A") return permanent("DNS protocol: not an answer");
  std::string_view rest = behind_letter(body.bytes());
  return take_number(rest);
}

Result<DnsAnswer> DnsAnswer::parse(Wire body) {
  TRY(dns_answer_number(body));
  std::string_view rest = behind_letter(body.bytes());
  TRY(take_netstring(rest));
  DnsAnswer answer;
  answer.status = TRY(parse_status(TRY(take_netstring(rest))));
  std::string_view const secure = TRY(take_netstring(rest));
  if (!secure.empty() && secure != "S") return permanent("DNS protocol: neither validated nor not");
  answer.is_secure = !secure.empty();
  answer.ttl = TRY(take_number(rest));
  answer.canonical = TRY(take_netstring(rest));
  if (!answer.canonical.empty() && !is_escaped_name(answer.canonical)) return permanent("DNS protocol: not a canonical name");
  answer.why = TRY(take_netstring(rest));
  if (!is_reason(answer.why)) return permanent("DNS protocol: not a reason");
  answer.left_out = TRY(take_number(rest));
  TRY(take_entries(answer, rest));
  return answer;
}

}  // namespace postern
