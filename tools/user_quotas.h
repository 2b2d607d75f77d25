// user_quotas - users/quotas, how much mailboxes may hold, as the operator's tool writes it: a line a mailbox
//
//   alice:1073741824:0                bytes and messages, 0 for no limit (lib/mail/quota.h)
//   info@example.org:0:5000
//
// Read strictly: what is not such a line, limits nothing or names a mailbox a second time is an error that names its line. A
// mailbox without a line has no quota. A line whose mailbox users/assign does not have counts for nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/mail/login.h"
#include "lib/mail/quota.h"

namespace postern {

constexpr std::size_t largest_quotas_file = 64u << 20;
constexpr std::size_t longest_quota_login = 240;  // it is the name of a file of users/full, too

struct QuotaLine {
  std::string user;
  Quota quota;
};

class Quotas {
 public:
  Quotas() = default;
  static Result<Quotas> parse(Wire file);
  std::string encoded() const;

  Quota of(std::string_view user) const;  // none: no limit
  Status set(const Login& login, const Quota& quota);
  bool remove(std::string_view user);                     // false: it was not there
  Status rename(std::string_view user, const Login& to);  // where it has a line
  const std::vector<QuotaLine>& lines() const { return lines_; }

 private:
  QuotaLine* find(std::string_view user);
  std::vector<QuotaLine> lines_;
};

}  // namespace postern
