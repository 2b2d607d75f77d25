#include "tools/user_home.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <array>

#include "lib/core/number.h"
#include "lib/os/directory.h"
#include "lib/os/io.h"

namespace postern {
namespace {

constexpr std::array<const char*, 3> maildir_parts = {"tmp", "new", "cur"};

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')) + "/"; }
std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Status remove_empty(const Directory& in, const std::string& name) {
  if (unlinkat(in.number(), name.c_str(), AT_REMOVEDIR) != 0) return system_error("remove directory", name);
  return Done{};
}

// The directory `name`, the mailbox's own: made now, or there before and owned by it.
Result<Directory> own_directory(const Directory& in, const std::string& name, const Mailbox& mailbox) {
  bool is_new = true;
  if (auto const made = in.make_directory(name, 0700); !made) {
    if (made.error().number() != EEXIST) return made.error();
    is_new = false;
  }
  Directory directory = TRY(in.open_directory(name));
  struct stat const status = TRY(directory.status());
  if (status.st_uid == mailbox.uid) return directory;
  // What we made is still root's and closed to others; anything else was put in its place.
  if (!is_new || status.st_uid != getuid() || (status.st_mode & 07777) != 0700)
    return permanent("belongs to somebody else (give --uid and --gid, or another --home):", name);
  if (fchown(directory.number(), mailbox.uid, mailbox.gid) != 0) return system_error("chown", name);
  TRY(sync_file(in.number()));
  return directory;
}

// True when there is nothing but an empty Maildir, which is removed then.
Result<bool> became_empty(const Directory& home) {
  auto const names = TRY(home.names());
  if (names.empty()) return true;
  if (names.size() != 1 || names[0] != "Maildir") return false;
  Directory const maildir = TRY(home.open_directory("Maildir"));
  for (const std::string& name : TRY(maildir.names())) {
    auto const part = maildir.open_directory(name);
    if (!part || !TRY(part->names()).empty()) return false;
  }
  for (const std::string& name : TRY(maildir.names())) TRY(remove_empty(maildir, name));
  TRY(remove_empty(home, "Maildir"));
  return true;
}

// What an earlier mailbox left: without mail it makes way for the new one.
Status clear_left_over(const Directory& parent, const std::string& name, const Mailbox& mailbox) {
  auto const home = parent.open_directory(name);
  if (!home) return Done{};  // missing, or own_directory says what is wrong
  struct stat const status = TRY(home->status());
  if (status.st_uid == mailbox.uid || !TRY(became_empty(*home))) return Done{};
  return remove_empty(parent, name);
}

// One entry of the tree at `top`. A directory's own directories are moved up to `top`, under names of their own: so any
// depth is removed with two descriptors and no recursion.
Status remove_entry(const Directory& top, const std::string& name, std::uint64_t& moved) {
  auto const gone = top.unlink(name);
  if (gone || is_missing(gone.error())) return Done{};
  if (gone.error().number() != EISDIR) return gone.error();
  Directory const directory = TRY(top.open_directory(name));
  for (const std::string& inner : TRY(directory.names())) {
    if (unlinkat(directory.number(), inner.c_str(), 0) == 0 || errno == ENOENT) continue;
    if (errno != EISDIR) return system_error("remove", inner);
    if (unlinkat(directory.number(), inner.c_str(), AT_REMOVEDIR) == 0) continue;
    while (renameat2(directory.number(), inner.c_str(), top.number(), (".removed-" + decimal(++moved)).c_str(),
                     RENAME_NOREPLACE) != 0)
      if (errno != EEXIST) return system_error("move out of the way", inner);
  }
  return remove_empty(top, name);
}

Status remove_contents(const Directory& top) {
  constexpr unsigned most_passes = 100'000;  // as deep as a tree may be; somebody may also be making files all the time
  std::uint64_t moved = 0;
  for (unsigned pass = 0; pass < most_passes; ++pass) {
    auto const names = TRY(top.names());
    if (names.empty()) return Done{};
    for (const std::string& name : names) TRY(remove_entry(top, name, moved));
  }
  return temporary("remove: somebody keeps making files there");
}

Status remove_tree(const Directory& in, const std::string& name) {
  auto const top = in.open_directory(name);
  if (!top) {
    if (is_missing(top.error())) return Done{};
    return top.error();
  }
  TRY(remove_contents(*top));
  return remove_empty(in, name);
}

}  // namespace

Status make_parents(const std::string& home) {
  for (std::size_t slash = home.find('/', 1); slash != std::string::npos; slash = home.find('/', slash + 1)) {
    std::string const parent = home.substr(0, slash);
    if (mkdir(parent.c_str(), 0711) != 0 && errno != EEXIST) return system_error("make directory", parent);
  }
  return Done{};
}

Status make_home(const Mailbox& mailbox) {
  Directory const parent = TRY(Directory::open(parent_of(mailbox.home)));
  std::string const name = name_of(mailbox.home);
  TRY(clear_left_over(parent, name, mailbox));
  Directory const home = TRY(own_directory(parent, name, mailbox));
  Directory const maildir = TRY(own_directory(home, "Maildir", mailbox));
  for (const char* const part : maildir_parts) TRY(own_directory(maildir, part, mailbox));
  return Done{};
}

Result<Move> look_at_move(const Mailbox& mailbox, const std::string& new_home) {
  TRY(make_parents(new_home));
  struct stat home {
  }, place{}, parent{}, new_parent{};
  bool const is_there = lstat(mailbox.home.c_str(), &home) == 0;
  if (!is_there && errno != ENOENT) return system_error("stat", mailbox.home);
  Directory const in = TRY(Directory::open(parent_of(new_home)));
  if (is_there) TRY(clear_left_over(in, name_of(new_home), mailbox));
  bool const is_taken = lstat(new_home.c_str(), &place) == 0;
  if (!is_taken && errno != ENOENT) return system_error("stat", new_home);
  if (is_taken && (is_there || place.st_uid != mailbox.uid))
    return permanent("something lies where its home is to be; move it away:", new_home);
  if (!is_there) return Move::done;
  if (lstat(parent_of(mailbox.home).c_str(), &parent) != 0 || lstat(parent_of(new_home).c_str(), &new_parent) != 0)
    return system_error("stat what holds", new_home);
  bool const is_one = home.st_dev == parent.st_dev && home.st_dev == new_parent.st_dev;
  return is_one ? Move::possible : Move::of_another_file_system;
}

Status move_home(const std::string& home, const std::string& new_home, Move move) {
  if (move == Move::possible && renameat2(AT_FDCWD, home.c_str(), AT_FDCWD, new_home.c_str(), RENAME_NOREPLACE) != 0)
    return system_error("move home", home);
  TRY(sync_file(TRY(Directory::open(parent_of(new_home))).number()));
  auto const before = Directory::open(parent_of(home));
  if (!before && is_missing(before.error())) return Done{};
  return before ? sync_file(before->number()) : Status{before.error()};
}

Status remove_maildir(const std::string& home) {
  Directory const directory = TRY(Directory::open(home));
  TRY(remove_tree(directory, "Maildir"));
  return sync_file(directory.number());
}

Status remove_home(const std::string& home) {
  Directory const parent = TRY(Directory::open(parent_of(home)));
  TRY(remove_tree(parent, name_of(home)));
  return sync_file(parent.number());
}

}  // namespace postern
