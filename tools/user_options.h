// user_options - the words behind `user`
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/core/result.h"
#include "lib/mail/login.h"
#include "lib/mail/quota.h"
#include "lib/os/account.h"
#include "lib/os/program.h"

namespace postern {

enum class UserCommand : unsigned char {
  add,
  del,
  rename,
  list,
  passwd,
  disable,
  enable,
  app_add,
  app_del,
  app_list,
  quota,
  rebuild
};

struct UserOptions {
  UserCommand command;
  std::optional<Login> login;           // always, but of list and rebuild
  std::optional<Login> new_login = {};  // of rename
  std::string directory;                // Postern's
  std::string home;                     // given with --home: absolute, without "." and ".." steps; or empty
  std::optional<Uid> uid;               // given with gid or not at all
  std::optional<Gid> gid;
  std::string app;                    // name of an app password
  std::vector<std::string> services;  // that it opens; none: all
  std::optional<Quota> quota = {};    // of `quota`: the new one, which may be none; not given: show it
  bool is_system = false;
  bool is_json = false;
  bool removes_mail = false;

  static Result<UserOptions> parse(const Args& args);
};

}  // namespace postern
