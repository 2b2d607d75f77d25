// directory - an open directory; every file is named relative to one
//
// Nothing follows a symbolic link at the last step, everything is close-on-exec, and modes are exactly as given
// (main clears the umask). Names are our own or were parsed first: a name never contains '/', except in open().
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "lib/core/result.h"
#include "lib/os/fd.h"

namespace postern {

class Directory {
 public:
  static Result<Directory> open(const std::string& path);
  Result<Directory> open_directory(const std::string& name) const;

  Result<Fd> open_file(const std::string& name) const;                 // to read; a FIFO or device does not block it
  Result<Fd> create_file(const std::string& name, mode_t mode) const;  // new, or EEXIST; read and write
  Result<Fd> append_file(const std::string& name, mode_t mode) const;  // made if missing
  Status make_directory(const std::string& name, mode_t mode) const;
  Status link(const std::string& name, const Directory& to, const std::string& new_name) const;
  Status rename(const std::string& name, const Directory& to, const std::string& new_name) const;
  Status unlink(const std::string& name) const;
  Result<struct stat> status_of(const std::string& name) const;  // of the name itself, not what a link points to
  Result<struct stat> status() const;
  Result<std::vector<std::string>> names() const;  // all but . and .., in no order

  Result<bool> has_visible_names() const;  // one that does not begin with a dot; asked once, with few calls

  int number() const { return fd_.number(); }

 private:
  explicit Directory(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

Result<std::string> current_directory();  // its absolute path

bool is_missing(const Error& error);  // ENOENT

}  // namespace postern
