// new_file - a file that replaces another as a whole: readers see the old one or the new one, also after a power cut
//
// Written beside it as NAME.new; commit() makes it last and renames it. Not committed, it is removed. Only one process
// at a time may make the same one: whoever uses it holds a lock.
#pragma once

#include <sys/types.h>

#include <string>

#include "lib/core/result.h"
#include "lib/os/directory.h"

namespace postern {

class NewFile {
 public:
  static Result<NewFile> create(const Directory& directory, std::string name, mode_t mode);
  NewFile(NewFile&&) = default;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();

  int number() const { return file_.number(); }
  Status set_group(gid_t group);
  Status commit();

 private:
  NewFile(const Directory& directory, std::string name, Fd file)
      : directory_(&directory), name_(std::move(name)), file_(std::move(file)) {}
  const Directory* directory_;
  std::string name_;
  Fd file_;  // closed: committed
};

// The same in one step.
Status replace_file(const Directory& directory, const std::string& name, mode_t mode, std::string_view bytes);

}  // namespace postern
