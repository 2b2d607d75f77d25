// rate_limits - so many messages a minute to a destination, or to a group of MX hosts: control/rateperdomain
//
//   example.org:30          30 messages a minute to that destination
//   .example.net:600        600 to all domains below that name together
//   mx:.mail.example:100    100 to all destinations whose mail was last answered for by a host below that name
//   mx:mx.example.com:20    likewise, by that host
//
// Messages leave evenly: what was not used is kept for three seconds, not for a minute. Which host answers for a destination
// is learned from the reports, so the first message to it counts for no group.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "lib/core/result.h"
#include "lib/mail/domain_values.h"
#include "send/message_table.h"

namespace postern {

class RateLimits {
 public:
  static Result<RateLimits> parse(const std::vector<std::string>& lines);

  bool is_empty() const { return rules_.empty(); }
  Tick next_at(const std::string& destination, Tick now) const;  // when one more may go; at most now: at once
  void spend(const std::string& destination, Tick now);
  void learn(const std::string& destination, const std::string& host);
  void take_over(RateLimits&& old);  // what it has learned

 private:
  struct Rule {
    std::uint64_t interval;  // between two messages, in parts of a tick
    std::uint64_t next = 0;  // when the next one would be due if all left evenly
  };
  static constexpr Index no_rule = no_index;
  template <class Function>
  void for_rules_of(const std::string& destination, Function function) const;

  std::vector<Rule> rules_;
  DomainValues<Index> by_destination_{no_rule};
  DomainValues<Index> by_host_{no_rule};
  std::unordered_map<std::string, std::string> hosts_;  // by destination; of those that a rule is for
};

}  // namespace postern
