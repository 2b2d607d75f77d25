// ticket_table - tickets for auth/login: 128 random bits, good once, for ten seconds, for one service
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "lib/core/clock.h"
#include "lib/core/result.h"

namespace postern {

class TicketTable {
 public:
  static constexpr Milliseconds lifetime = 10s;
  static constexpr std::size_t most = 4096;  // then the oldest goes

  Result<std::string> issue(std::string_view login, std::string_view service, Milliseconds now);
  // The login; nothing: there is no such ticket, or not any more, or it is another service's. Asked for once it is gone.
  std::optional<std::string> redeem(const std::string& ticket, std::string_view service, Milliseconds now);
  std::size_t size() const { return tickets_.size(); }

 private:
  struct Ticket {
    std::string login, service;
    Milliseconds until;
  };
  std::unordered_map<std::string, Ticket> tickets_;  // by digest of a ticket, so that looking for one tells nothing of others
  std::deque<std::string> order_;                    // as they were issued
};

}  // namespace postern
