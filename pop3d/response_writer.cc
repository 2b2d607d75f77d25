#include "pop3d/response_writer.h"

#include "lib/os/io.h"

namespace postern {

void ResponseWriter::line(std::string_view text) {
  waiting_ += text;
  waiting_ += "\r\n";
}

Status ResponseWriter::flush_if_large() {
  if (waiting_.size() < large) return Done{};
  return flush();
}

Status ResponseWriter::flush() {
  if (waiting_.empty()) return Done{};
  Status status = write_all(fd_, waiting_, Deadline::in(patience));
  waiting_.clear();
  return status;
}

}  // namespace postern
