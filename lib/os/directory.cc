#include "lib/os/directory.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "lib/os/directory_entries.h"

namespace postern {

Result<Directory> Directory::open(const std::string& path) {
  int const number = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (number < 0) return system_error("open directory", path);
  return Directory{Fd{number}};
}

Result<Directory> Directory::open_directory(const std::string& name) const {
  int const number = openat(fd_.number(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (number < 0) return system_error("open directory", name);
  return Directory{Fd{number}};
}

Result<Fd> Directory::open_file(const std::string& name) const {
  int const number = openat(fd_.number(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (number < 0) return system_error("open", name);
  return Fd{number};
}

Result<Fd> Directory::create_file(const std::string& name, mode_t mode) const {
  int const number = openat(fd_.number(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  if (number < 0) return system_error("create", name);
  return Fd{number};
}

Result<Fd> Directory::append_file(const std::string& name, mode_t mode) const {
  int const number = openat(fd_.number(), name.c_str(), O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, mode);
  if (number < 0) return system_error("open to append", name);
  return Fd{number};
}

Status Directory::make_directory(const std::string& name, mode_t mode) const {
  if (mkdirat(fd_.number(), name.c_str(), mode) != 0) return system_error("make directory", name);
  return Done{};
}

Status Directory::link(const std::string& name, const Directory& to, const std::string& new_name) const {
  if (linkat(fd_.number(), name.c_str(), to.number(), new_name.c_str(), 0) != 0) return system_error("link", new_name);
  return Done{};
}

Status Directory::rename(const std::string& name, const Directory& to, const std::string& new_name) const {
  if (renameat(fd_.number(), name.c_str(), to.number(), new_name.c_str()) != 0) return system_error("rename", name);
  return Done{};
}

Status Directory::unlink(const std::string& name) const {
  if (unlinkat(fd_.number(), name.c_str(), 0) != 0) return system_error("unlink", name);
  return Done{};
}

Result<struct stat> Directory::status_of(const std::string& name) const {
  struct stat status {};
  if (fstatat(fd_.number(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return system_error("stat", name);
  return status;
}

Result<struct stat> Directory::status() const {
  struct stat status {};
  if (fstat(fd_.number(), &status) != 0) return system_error("stat a directory");
  return status;
}

Result<std::vector<std::string>> Directory::names() const {
  std::vector<std::string> names;
  TRY(for_each_entry(*this, [&](const dirent& entry) {
    std::string_view const name{entry.d_name};
    if (name != "." && name != "..") names.emplace_back(name);
    return true;
  }));
  return names;
}

Result<bool> Directory::has_visible_names() const {
  alignas(dirent64) std::array<char, 4096> room;  // of names that begin with a dot it holds more than a hundred
  long const length = syscall(SYS_getdents64, fd_.number(), room.data(), room.size());
  if (length < 0) return system_error("list a directory");
  for (long at = 0; at < length;) {
    auto const* const entry = reinterpret_cast<const dirent64*>(room.data() + at);
    if (entry->d_name[0] != '.') return true;
    at += entry->d_reclen;
  }
  return false;
}

Result<std::string> current_directory() {
  std::array<char, PATH_MAX> room;
  if (!getcwd(room.data(), room.size())) return system_error("find the path of this directory");
  return std::string{room.data()};
}

bool is_missing(const Error& error) { return error.number() == ENOENT; }

}  // namespace postern
