#include "tools/user_place.h"

namespace postern {

bool is_inside(std::string_view path, std::string_view directory) {
  return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}

std::string default_home(const Login& login, const std::string& here) {
  std::string home = here + "/home/";
  if (login.is_virtual()) (home += login.domain()) += '/';
  return home += login.local_part();
}

Status check_home(const Assignments& others, const Mailbox& mailbox) {
  for (const Assignment& line : others.lines()) {
    const std::string& other = line.mailbox.home;
    bool const overlaps = other == mailbox.home || is_inside(other, mailbox.home) || is_inside(mailbox.home, other);
    if (overlaps && line.mailbox.uid != mailbox.uid)
      return permanent("its home would be, hold or lie in the home of", line.mailbox.user);
  }
  return Done{};
}

}  // namespace postern
