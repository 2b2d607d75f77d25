#include "lib/os/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

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
  // An open file description of its own, so that two listings do not share one position.
  int const number = openat(fd_.number(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (number < 0) return system_error("list a directory");
  DIR* const stream = fdopendir(number);
  if (!stream) {
    Error error = system_error("list a directory");
    close(number);
    return error;
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* const entry = readdir(stream)) {
    std::string_view const name{entry->d_name};
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) {
    Error error = system_error("list a directory");
    closedir(stream);
    return error;
  }
  closedir(stream);
  return names;
}

bool is_missing(const Error& error) { return error.number() == ENOENT; }

}  // namespace postern
