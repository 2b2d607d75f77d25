#include "queue/injection_rights.h"

#include "lib/core/ascii.h"

namespace postern {
namespace {

constexpr InjectionRights table[] = {
    {.account = Account::smtp,
     .origin = Origin::inbound,
     .may_name_client = true,
     .may_name_login = false,
     .must_name_login = false,
     .may_add_header = true,
     .may_mark_junk = true,
     .may_send_as_anybody = true},
    {.account = Account::submit,
     .origin = Origin::submission,
     .may_name_client = true,
     .may_name_login = true,
     .must_name_login = true,
     .may_add_header = true,
     .may_mark_junk = false,
     .may_send_as_anybody = true},
    {.account = Account::bounce,
     .origin = Origin::bounce,
     .may_name_client = false,
     .may_name_login = false,
     .must_name_login = false,
     .may_add_header = false,
     .may_mark_junk = false,
     .may_send_as_anybody = false},
};
constexpr InjectionRights anyone = {.account = std::nullopt,
                                    .origin = Origin::local,
                                    .may_name_client = false,
                                    .may_name_login = false,
                                    .must_name_login = false,
                                    .may_add_header = false,
                                    .may_mark_junk = false,
                                    .may_send_as_anybody = true};

// Fields that only the last hand may write.
constexpr std::string_view forbidden_fields[] = {"return-path", "delivered-to", "received", "bcc"};

Status check_field(std::string_view name, std::string_view value, std::string_view me) {
  for (std::string_view const forbidden : forbidden_fields)
    if (equal_ignoring_case(name, forbidden)) return permanent("5.7.0 this header line is not for you to add");
  if (!equal_ignoring_case(name, "authentication-results")) return Done{};
  value = trimmed(value);
  if (!equal_ignoring_case(value.substr(0, value.find_first_of("; \t")), me))
    return permanent("5.7.0 Authentication-Results of another host");
  return Done{};
}

Status check_header_lines(std::string_view lines, std::string_view me) {
  while (!lines.empty()) {
    std::size_t const end = lines.find('\n');
    std::string_view const line = lines.substr(0, end);
    lines.remove_prefix(end + 1);
    if (is_blank(line.front())) continue;  // a fold
    std::size_t const colon = line.find(':');
    TRY(check_field(line.substr(0, colon), line.substr(colon + 1), me));
  }
  return Done{};
}

}  // namespace

const InjectionRights& rights_of(std::optional<Account> account) {
  if (account)
    for (const InjectionRights& rights : table)
      if (rights.account == account) return rights;
  return anyone;
}

Status check_rights(const InjectionRights& rights, const Envelope& envelope, std::string_view me) {
  if (envelope.origin != rights.origin) return permanent("5.7.0 this uid injects messages of another origin");
  if (!rights.may_name_client &&
      (!envelope.client.empty() || !envelope.helo.empty() || !envelope.protocol.empty() || !envelope.tls.empty()))
    return permanent("5.7.0 this uid may not name a client");
  if (!rights.may_name_login && !envelope.login.empty()) return permanent("5.7.0 this uid may not name a login");
  if (rights.must_name_login && envelope.login.empty()) return permanent("5.7.0 this uid injects for somebody who is logged in");
  if (!rights.may_add_header && !envelope.header_lines.empty()) return permanent("5.7.0 this uid may not add header lines");
  if (!rights.may_mark_junk && envelope.is_junk) return permanent("5.7.0 this uid may not mark junk");
  if (!rights.may_send_as_anybody && !envelope.sender.is_null_sender()) return permanent("5.7.0 this uid may only send from <>");
  if (envelope.injector != 0) return permanent("5.7.0 the injecting uid is not for you to say");
  return check_header_lines(envelope.header_lines, me);
}

}  // namespace postern
