// desk_client - whom the tool `queue` asks: queue-desk, or where that does not run, the files themselves
//
// Only root can read the files; nothing can be changed without the service.
#pragma once

#include <optional>

#include "tools/queue_rows.h"

namespace postern {

class DeskClient {
 public:
  // Before confine(). Without the service, questions are answered from the files if they can be opened.
  static Result<DeskClient> connect();
  // Gives every answer but the last to `take`; what the last one says comes back.
  struct End {
    std::uint64_t messages = 0, problems = 0;
  };
  Result<End> ask(const DeskRequest& request, const std::function<Status(const DeskAnswer&)>& take);

 private:
  DeskClient(Fd socket, std::optional<QueueView> files) : socket_(std::move(socket)), files_(std::move(files)) {}
  Result<DeskAnswer> next();
  Result<End> ask_files(const DeskRequest& request, const std::function<Status(const DeskAnswer&)>& take);
  Fd socket_;
  std::optional<QueueView> files_;
  bool has_said_it_waits_ = false;
};

}  // namespace postern
