// user_options - the words behind `user`
#pragma once

#include <optional>
#include <string>

#include "lib/core/result.h"
#include "lib/mail/login.h"
#include "lib/os/account.h"
#include "lib/os/program.h"

namespace postern {

enum class UserCommand : unsigned char { add, del, list, passwd, rebuild };

struct UserOptions {
  UserCommand command;
  std::optional<Login> login;  // of add, del and passwd always
  std::string directory;       // Postern's
  std::string home;            // given with --home: absolute, without "." and ".." steps; or empty
  std::optional<Uid> uid;      // given with gid or not at all
  std::optional<Gid> gid;
  bool is_system = false;
  bool is_json = false;
  bool removes_mail = false;

  static Result<UserOptions> parse(const Args& args);
};

}  // namespace postern
