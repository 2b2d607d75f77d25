#include "tools/new_file.h"

#include <unistd.h>

#include "lib/os/io.h"

namespace postern {

Result<NewFile> NewFile::create(const Directory& directory, std::string name, mode_t mode) {
  std::string const beside = name + ".new";
  if (auto const gone = directory.unlink(beside); !gone && !is_missing(gone.error()))
    return gone.error();  // of a run that was killed
  Fd file = TRY(directory.create_file(beside, mode));
  return NewFile{directory, std::move(name), std::move(file)};
}

NewFile::~NewFile() {
  if (file_.is_open()) [[maybe_unused]]
    auto const gone = directory_->unlink(name_ + ".new");
}

Status NewFile::set_group(gid_t group) {
  if (fchown(file_.number(), static_cast<uid_t>(-1), group) != 0) return system_error("chown", name_);
  return Done{};
}

Status NewFile::commit() {
  TRY(sync_file(file_.number()));
  TRY(directory_->rename(name_ + ".new", *directory_, name_));
  file_.close();
  return sync_file(directory_->number());
}

Status replace_file(const Directory& directory, const std::string& name, mode_t mode, std::string_view bytes) {
  NewFile file = TRY(NewFile::create(directory, name, mode));
  TRY(write_all(file.number(), bytes));
  return file.commit();
}

}  // namespace postern
