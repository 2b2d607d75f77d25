#include "tools/service_user.h"

#include <grp.h>
#include <unistd.h>

#include <algorithm>

#include "lib/os/account.h"

namespace postern {
namespace {

constexpr std::size_t most_groups = 64;

Result<std::vector<gid_t>> parse_groups(std::string_view list) {
  std::vector<gid_t> groups;
  while (!list.empty()) {
    std::size_t const end = list.find(',');
    auto const group = Gid::parse(Wire{list.substr(0, end)});
    if (!group || groups.size() == most_groups) return permanent("GIDLIST: not a list of groups other than root's:", list);
    groups.push_back(group->number());
    list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
  }
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  return groups;
}

Status check_user(uid_t uid, gid_t gid) {
  uid_t real_user, user, saved_user;
  gid_t real_group, group, saved_group;
  if (getresuid(&real_user, &user, &saved_user) != 0 || getresgid(&real_group, &group, &saved_group) != 0)
    return system_error("ask for the user");
  if (real_user != uid || user != uid || saved_user != uid || real_group != gid || group != gid || saved_group != gid)
    return permanent("this is not the user that UID and GID name");
  return Done{};
}

Status check_groups(const std::vector<gid_t>& wanted) {
  std::array<gid_t, most_groups + 1> room{};
  int const count = getgroups(static_cast<int>(room.size()), room.data());
  if (count < 0) return system_error("ask for the groups");
  std::vector<gid_t> groups{room.begin(), room.begin() + count};
  std::sort(groups.begin(), groups.end());
  if (groups != wanted) return permanent("these are not the groups that GIDLIST names");
  return Done{};
}

}  // namespace

Status become_service_user(const Args& args) {
  bool const is_root = geteuid() == 0 || getuid() == 0;
  auto const user = args.variable("UID"), group = args.variable("GID");
  if (!user && !group && !is_root) return Done{};
  if (!user || !group) return permanent("UID and GID must say whom to become: use s6-envuidgid");
  auto const uid = Uid::parse(Wire{*user});
  auto const gid = Gid::parse(Wire{*group});
  if (!uid || !gid) return permanent("UID or GID is not the number of a user other than root");
  if (!is_root) return check_user(uid->number(), gid->number());

  auto const groups = TRY(parse_groups(args.variable("GIDLIST").value_or(std::string_view{})));
  if (setgroups(groups.size(), groups.data()) != 0) return system_error("setgroups");
  if (setresgid(gid->number(), gid->number(), gid->number()) != 0) return system_error("setresgid");
  if (setresuid(uid->number(), uid->number(), uid->number()) != 0) return system_error("setresuid");
  TRY(check_groups(groups));
  return check_user(uid->number(), gid->number());
}

}  // namespace postern
