#include "tools/full_flags.h"

#include <unistd.h>

#include <unordered_map>

#include "lib/os/io.h"

namespace postern {
namespace {

using Owners = std::unordered_map<std::string, const Mailbox*>;  // of mailboxes with a quota

Owners owners_of(const Assignments& assignments, const Quotas& quotas) {
  Owners owners;
  for (const QuotaLine& line : quotas.lines()) owners.emplace(line.user, nullptr);
  for (const Assignment& line : assignments.lines())
    if (auto const owner = owners.find(line.mailbox.user); owner != owners.end() && !owner->second) owner->second = &line.mailbox;
  std::erase_if(owners, [](const auto& owner) { return !owner.second; });
  return owners;
}

Result<bool> has_flag(const Directory& full, const std::string& user, const Mailbox& mailbox) {
  auto const status = full.status_of(user);
  if (status) return S_ISREG(status->st_mode) && status->st_uid == mailbox.uid;
  if (is_missing(status.error())) return false;
  return status.error();
}

// Nobody sees it before it is the mailbox's own. Beside users/full, where no mailbox can have its name.
Status make_flag(const Directory& users, const Directory& full, const std::string& user, const Mailbox& mailbox) {
  std::string const beside = "full.new";
  if (auto const gone = users.unlink(beside); !gone && !is_missing(gone.error()))
    return gone.error();  // of a run that was killed
  Fd const file = TRY(users.create_file(beside, 0644));
  if (fchown(file.number(), mailbox.uid, mailbox.gid) != 0) return system_error("chown", beside);
  TRY(users.rename(beside, full, user));
  return sync_file(full.number());
}

}  // namespace

Status make_full_flags(const Directory& users, const Assignments& assignments, const Quotas& quotas) {
  Owners const owners = owners_of(assignments, quotas);
  if (owners.empty()) return Done{};
  Directory const full = TRY(users.open_directory("full"));
  for (const auto& [user, mailbox] : owners)
    if (!TRY(has_flag(full, user, *mailbox))) TRY(make_flag(users, full, user, *mailbox));
  return Done{};
}

Status remove_full_flags(const Directory& users, const Assignments& assignments, const Quotas& quotas) {
  auto const full = users.open_directory("full");
  if (!full && is_missing(full.error())) return Done{};
  if (!full) return full.error();
  Owners const owners = owners_of(assignments, quotas);
  for (const std::string& name : TRY(full->names()))
    if (!owners.contains(name)) TRY(full->unlink(name));
  return Done{};
}

}  // namespace postern
