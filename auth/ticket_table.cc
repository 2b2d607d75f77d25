#include "auth/ticket_table.h"

#include "auth/secret_digest.h"
#include "lib/net/auth_protocol.h"

namespace postern {

Result<std::string> TicketTable::issue(std::string_view login, std::string_view service, Milliseconds now) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string ticket;
  for (char const c : TRY(random_bytes(ticket_length / 2))) {
    auto const byte = static_cast<unsigned char>(c);
    ticket += digits[byte >> 4];
    ticket += digits[byte & 15];
  }
  while (!order_.empty()) {
    auto const oldest = tickets_.find(order_.front());
    if (oldest != tickets_.end() && now < oldest->second.until && order_.size() < most) break;
    if (oldest != tickets_.end()) tickets_.erase(oldest);
    order_.pop_front();
  }
  std::string key = sha256(ticket);
  tickets_.insert_or_assign(key, Ticket{std::string{login}, std::string{service}, now + lifetime});
  order_.push_back(std::move(key));
  return ticket;
}

std::optional<std::string> TicketTable::redeem(const std::string& ticket, std::string_view service, Milliseconds now) {
  auto const found = tickets_.extract(sha256(ticket));
  if (found.empty() || now >= found.mapped().until || found.mapped().service != service) return std::nullopt;
  return found.mapped().login;
}

}  // namespace postern
