#include "tools/user_store.h"

#include <sys/file.h>

#include <algorithm>

#include "lib/core/ascii.h"
#include "lib/core/number.h"
#include "lib/os/io.h"
#include "tools/full_flags.h"
#include "tools/new_file.h"

namespace postern {

Result<UserStore> UserStore::open_to_read() { return UserStore{TRY(Directory::open("users")), Fd{}}; }

Result<UserStore> UserStore::open_to_change() {
  UserStore store = TRY(open_to_read());
  store.lock_ = TRY(store.users_.append_file("lock", 0600));
  while (flock(store.lock_.number(), LOCK_EX) != 0)
    if (errno != EINTR) return system_error("lock users/lock");
  return store;
}

Result<std::string> UserStore::read_file(const std::string& name, std::size_t most) const {
  auto const file = users_.open_file(name);
  if (file) return read_all(file->number(), most);
  if (is_missing(file.error())) return std::string{};
  return file.error();
}

Result<Assignments> UserStore::assignments() const {
  std::string const text = TRY(read_file("assign", largest_assign_file));
  if (text.empty()) return Assignments{};
  return Assignments::parse(Wire{text});
}

Result<Quotas> UserStore::quotas() const {
  std::string const text = TRY(read_file("quotas", largest_quotas_file));
  return Quotas::parse(Wire{text});
}

Status UserStore::save(const Assignments& assignments) const { return save(assignments, TRY(quotas())); }

// The database first: killed in between, the same command run again finds its work undone in assign and quotas, and does it.
// A mailbox's file of users/full is there before anybody asks for it, and goes when nobody does any more.
Status UserStore::save(const Assignments& assignments, const Quotas& quotas) const {
  TRY(make_full_flags(users_, assignments, quotas));
  NewFile database = TRY(NewFile::create(users_, "cdb", 0644));
  TRY(assignments.compile(database.number(), quotas));
  NewFile text = TRY(NewFile::create(users_, "assign", 0644));
  TRY(write_all(text.number(), assignments.encoded()));
  TRY(database.commit());
  std::string const limits = quotas.encoded();
  if (TRY(read_file("quotas", largest_quotas_file)) != limits) TRY(replace_file(users_, "quotas", 0644, limits));
  TRY(text.commit());
  return remove_full_flags(users_, assignments, quotas);
}

Result<Passwords> UserStore::passwords() const {
  std::string const text = TRY(read_file("passwords", largest_passwords_file));
  return Passwords::parse(Wire{text});
}

Status UserStore::save(const Passwords& passwords, std::optional<gid_t> readers) const {
  NewFile file = TRY(NewFile::create(users_, "passwords", readers ? 0640 : 0600));
  if (readers) TRY(file.set_group(*readers));
  TRY(write_all(file.number(), passwords.encoded()));
  return file.commit();
}

Result<uid_t> UserStore::take_uid(const Assignments& assignments) const {
  std::uint64_t next = first_mailbox_uid;
  std::string const text = TRY(read_file("next-uid", 64));
  if (!text.empty()) {
    auto const number = parse_number(Wire{trimmed(text)}, last_mailbox_uid + 1u);
    if (!number || *number < first_mailbox_uid)
      return permanent("users/next-uid: not a number from 1900000000 on; put there the next free uid");
    next = *number;
  }
  for (const Assignment& line : assignments.lines())  // lines that were written by hand count too
    if (line.mailbox.uid <= last_mailbox_uid) next = std::max<std::uint64_t>(next, line.mailbox.uid + 1u);
  if (next > last_mailbox_uid) return permanent("users/next-uid: all uids for mailboxes were given out; use --uid and --gid");
  TRY(replace_file(users_, "next-uid", 0600, decimal(next + 1) + "\n"));
  return static_cast<uid_t>(next);
}

}  // namespace postern
