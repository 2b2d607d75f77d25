#include "lib/net/auth_protocol.h"

#include "lib/core/ascii.h"
#include "lib/core/netstring.h"
#include "lib/core/number.h"
#include "lib/core/wipe.h"
#include "lib/net/record.h"

namespace postern {
namespace {

constexpr std::size_t service_most = 32;
constexpr std::size_t client_most = 64;
constexpr std::size_t binding_most = 64;  // bytes: RFC 9266 exports 32; an end point is a digest, SHA-512 at most
constexpr std::size_t mechanism_most = 32;
constexpr std::size_t path_most = 4096;
constexpr std::uint64_t largest_id = 0xfffffffeu;  // the last one means "none" to the kernel

Result<std::string> take_bytes(std::string_view& rest, std::size_t most) {
  std::string_view const bytes = TRY(take_netstring(rest));
  if (bytes.size() > most) return permanent("auth protocol: a field is too long");
  return std::string{bytes};
}

// What is typed may hold anything but NUL, at which crypt(3) would end it.
Result<std::string> take_word(std::string_view& rest, std::size_t most) {
  std::string word = TRY(take_bytes(rest, most));
  if (word.find('\0') != std::string::npos) return permanent("auth protocol: NUL in a word");
  return word;
}

// A name of the asker's own: never empty, and safe in a log.
Result<std::string> take_name(std::string_view& rest, std::size_t most) {
  std::string name = TRY(take_bytes(rest, most));
  if (name.empty()) return permanent("auth protocol: an empty name");
  for (char const c : name)
    if (!is_graphic(c)) return permanent("auth protocol: a name with a blank or control character");
  return name;
}

Result<std::string> take_client(std::string_view& rest) {
  std::string client = TRY(take_bytes(rest, client_most));
  for (char const c : client)
    if (!is_graphic(c)) return permanent("auth protocol: a client's address with a blank or control character");
  return client;
}

void append_context(std::string& body, const AuthContext& context) {
  append_netstring(body, context.service);
  append_netstring(body, context.client);
  append_netstring(body, context.is_private ? "p" : "");
  append_netstring(body, context.exporter);
  append_netstring(body, context.end_point);
}

Result<AuthContext> take_context(std::string_view& rest) {
  AuthContext context;
  context.service = TRY(take_name(rest, service_most));
  context.client = TRY(take_client(rest));
  std::string_view const is_private = TRY(take_netstring(rest));
  if (!is_private.empty() && is_private != "p") return permanent("auth protocol: neither private nor not");
  context.is_private = !is_private.empty();
  context.exporter = TRY(take_bytes(rest, binding_most));
  context.end_point = TRY(take_bytes(rest, binding_most));
  return context;
}

bool is_ticket(std::string_view text) {
  if (text.size() != ticket_length) return false;
  for (char const c : text)
    if (!is_digit(c) && (c < 'a' || c > 'f')) return false;
  return true;
}

Status check_end(std::string_view rest) {
  if (!rest.empty()) return permanent("auth protocol: something behind a record");
  return Done{};
}

Result<char> take_letter(std::string_view& rest, std::string_view letters) {
  if (rest.empty() || letters.find(rest.front()) == std::string_view::npos)
    return permanent("auth protocol: another record was expected");
  char const letter = rest.front();
  rest.remove_prefix(1);
  return letter;
}

}  // namespace

std::string AuthRequest::encoded() const {
  std::string body;
  body.reserve(auth_record_most);  // a password stands in one place, and not long
  body += static_cast<char>(kind);
  if (kind != Kind::last) append_context(body, context);
  if (kind == Kind::password) {
    append_netstring(body, login);
    append_netstring(body, password);
  } else {
    if (kind == Kind::first) append_netstring(body, mechanism);
    append_netstring(body, message);
  }
  std::string record = with_record_head(body);
  wipe(body);
  return record;
}

Result<AuthRequest> AuthRequest::parse(Wire body) {
  std::string_view rest = body.bytes();
  AuthRequest request;
  request.kind = static_cast<Kind>(TRY(take_letter(rest, "PFL")));
  if (request.kind != Kind::last) request.context = TRY(take_context(rest));
  if (request.kind == Kind::password) {
    request.login = TRY(take_word(rest, auth_word_most));
    request.password = TRY(take_word(rest, auth_word_most));
  } else {
    if (request.kind == Kind::first) request.mechanism = TRY(take_name(rest, mechanism_most));
    request.message = TRY(take_word(rest, auth_message_most));
  }
  TRY(check_end(rest));
  return request;
}

std::string AuthAnswer::encoded() const {
  std::string body{static_cast<char>(kind)};
  if (kind == Kind::yes) {
    append_netstring(body, login);
    append_netstring(body, ticket);
  }
  if (kind == Kind::no) append_netstring(body, std::string{static_cast<char>(reason)});
  append_netstring(body, kind == Kind::no ? record_text(message) : message);
  return with_record_head(body);
}

Result<AuthAnswer> AuthAnswer::parse(Wire body) {
  std::string_view rest = body.bytes();
  AuthAnswer answer;
  answer.kind = static_cast<Kind>(TRY(take_letter(rest, "CYN")));
  if (answer.kind == Kind::yes) {
    answer.login = TRY(take_name(rest, auth_word_most));
    answer.ticket = TRY(take_bytes(rest, ticket_length));
    if (!answer.ticket.empty() && !is_ticket(answer.ticket)) return permanent("auth protocol: not a ticket");
  }
  if (answer.kind == Kind::no) {
    std::string_view reason = TRY(take_netstring(rest));
    answer.reason = static_cast<Reason>(TRY(take_letter(reason, "bdsl")));
    TRY(check_end(reason));
    answer.message = TRY(take_record_text(rest, report_text_most));
  } else {
    answer.message = TRY(take_word(rest, auth_message_most));
  }
  TRY(check_end(rest));
  return answer;
}

std::string TicketRequest::encoded() const {
  std::string body{"R"};
  append_netstring(body, service);
  append_netstring(body, ticket);
  return with_record_head(body);
}

Result<TicketRequest> TicketRequest::parse(Wire body) {
  std::string_view rest = body.bytes();
  TRY(take_letter(rest, "R"));
  TicketRequest request;
  request.service = TRY(take_name(rest, service_most));
  request.ticket = TRY(take_bytes(rest, ticket_length));
  if (!is_ticket(request.ticket)) return permanent("auth protocol: not a ticket");
  TRY(check_end(rest));
  return request;
}

std::string TicketAnswer::encoded() const {
  std::string body{is_valid ? "Y" : "N"};
  if (!is_valid) {
    append_netstring(body, record_text(text));
    return with_record_head(body);
  }
  append_netstring(body, name);
  append_netstring(body, decimal(uid));
  append_netstring(body, decimal(gid));
  append_netstring(body, home);
  return with_record_head(body);
}

Result<TicketAnswer> TicketAnswer::parse(Wire body) {
  std::string_view rest = body.bytes();
  TicketAnswer answer;
  answer.is_valid = TRY(take_letter(rest, "YN")) == 'Y';
  if (answer.is_valid) {
    answer.name = TRY(take_name(rest, auth_word_most));
    answer.uid = static_cast<std::uint32_t>(TRY(parse_number(Wire{TRY(take_netstring(rest))}, largest_id)));
    answer.gid = static_cast<std::uint32_t>(TRY(parse_number(Wire{TRY(take_netstring(rest))}, largest_id)));
    answer.home = TRY(take_record_text(rest, path_most));
    if (answer.uid == 0 || answer.gid == 0) return permanent("auth protocol: a ticket for root");
    if (!answer.home.starts_with('/')) return permanent("auth protocol: a home that is no absolute path");
  } else {
    answer.text = TRY(take_record_text(rest, report_text_most));
  }
  TRY(check_end(rest));
  return answer;
}

}  // namespace postern
