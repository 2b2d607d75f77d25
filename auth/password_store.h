// password_store - users/passwords and what else decides who somebody is, as the files are now
//
// A file that became wrong is said once, and what was before counts on. Without users/passwords nobody may log in.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "auth/trusted_clients.h"
#include "lib/mail/checkers.h"
#include "lib/mail/passwords.h"
#include "lib/mail/routes.h"
#include "lib/mail/users.h"
#include "lib/os/control.h"

namespace postern {

class PasswordStore {
 public:
  static Result<PasswordStore> open();  // control/ and users/ below the current directory
  // Looks at the files again if they were replaced. True: it may matter to who was right before.
  bool refresh();

  // The login's name for what was typed: "alice", "Alice@DOMAIN" of control/locals, "info@example.org". Nothing: no login
  // is called that.
  std::optional<Login> login_of(std::string_view typed) const;
  const PasswordEntry* find(const Login& login) const { return passwords_.find(login.text()); }  // until refresh()
  // Who else may know its password, in order, as PasswordJob::checkers has it.
  std::string checkers_of(const Login& login) const;
  Result<std::optional<Mailbox>> mailbox_of(const Login& login) const;
  bool is_trusted(const IpAddress& client) const { return trusted_.contains(client); }
  // Iterations that most of the SCRAM keys have, for logins that do not exist.
  std::uint32_t usual_iterations() const { return usual_iterations_; }
  const std::string& seed() const { return seed_; }  // of made-up salts

 private:
  struct Identity {
    ino_t inode = 0;
    off_t size = 0;
    timespec changed{};
    bool operator==(const Identity& other) const;
  };
  using Identities = std::array<Identity, 6>;  // passwords first, then settings
  PasswordStore(Control control, Directory users) : control_(std::move(control)), users_(std::move(users)) {}
  Identities look() const;
  // Errors: trouble that may be over by the next time. What was before counts.
  Status read_passwords();
  Status read_settings();

  Control control_;
  Directory users_;
  Identities seen_{};
  Passwords passwords_;
  std::optional<Routes> routes_;
  TrustedClients trusted_;
  std::vector<Checker> checkers_;
  std::uint32_t usual_iterations_ = 0;
  std::string seed_;
};

}  // namespace postern
