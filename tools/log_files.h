// log_files - the logs of all services as one, in the order of their stamps: files that were rotated away, then the present ones
#pragma once

#include <string>
#include <vector>

#include "lib/os/directory.h"
#include "tools/log_record.h"

namespace postern {

// The lines of one service, the oldest first. A file that is rotated away or removed meanwhile is no error.
class ServiceLog {
 public:
  static Result<ServiceLog> open(std::string service, Directory directory);

  Result<bool> next();  // false: there are no more
  const std::string& service() const { return service_; }
  const std::string& line() const { return line_; }  // with its stamp
  const LogStamp& stamp() const { return stamp_; }   // a line without one has that of the line before

 private:
  ServiceLog(std::string service, Directory directory) : service_(std::move(service)), directory_(std::move(directory)) {}
  Result<bool> open_next();
  Result<bool> take_line();
  std::string service_;
  Directory directory_;
  std::vector<std::string> names_;  // of rotated files still to be read, the oldest last
  Fd current_, file_;
  std::string buffer_, line_;
  std::size_t start_ = 0;
  LogStamp stamp_;
};

class AllLogs {
 public:
  static Result<AllLogs> open(const Directory& logs);  // log/
  // The next line of any service; nothing: there are no more.
  Result<const ServiceLog*> next();

 private:
  std::vector<ServiceLog> logs_;         // those that have a line
  std::size_t taken_ = ~std::size_t{0};  // the one whose line was given last
};

}  // namespace postern
