// checkers - control/checkers: who else may know the password of a login
//
//   @ shadow                                          names without a domain: the system's users, by shadow-spawn
//   @example.org /usr/local/bin/check-ldap -b dc=org  logins of this domain: a program with checkpassword's interface
//   * /usr/local/bin/check-other                      every login
//
// Words are parted by blanks; nothing is quoted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/mail/login.h"

namespace postern {

class Checker {
 public:
  static Result<Checker> parse(Wire line);

  bool is_for(const Login& login) const;
  bool is_shadow() const { return words_.front() == "shadow"; }
  const std::vector<std::string>& words() const { return words_; }  // an absolute path, and what it is given; or "shadow"

 private:
  enum class For : unsigned char { all, without_domain, domain };
  For for_ = For::all;
  std::string domain_;
  std::vector<std::string> words_;
};

// Each line of the setting; an error says what is wrong with which.
Result<std::vector<Checker>> parse_checkers(const std::vector<std::string>& lines);

}  // namespace postern
