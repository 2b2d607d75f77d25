// log_search - everything that the logs hold about one message, or about all messages of one address
//
// A line belongs to it that names the ID or the address, or any ID that such a line names: a message's bounce, say, or every
// message that an address sent or got. A line in whose text the ID stands is shown, and ties nothing else in. The logs are read
// twice, since a line may come before the one that ties it in.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "lib/mail/queue_id.h"
#include "tools/log_files.h"
#include "tools/queue_selection.h"
#include "tools/queue_words.h"
#include "tools/time_zone.h"

namespace postern {

struct LogWords {
  std::optional<QueueId> id;  // else an address
  std::optional<AddressPattern> address;
  Form form = Form::text;
};
Result<LogWords> parse_log_words(ToolWords& words);

class LogSearch {
 public:
  LogSearch(const LogWords& asked, const TimeZone& zone) : asked_(asked), zone_(zone) {}
  // Writes what it finds to descriptor 1; the number of lines.
  Result<std::uint64_t> run(const Directory& logs);

 private:
  bool is_of_it(const LogRecord& record) const;
  bool mentions_it(const LogRecord& record) const;
  Status collect(const Directory& logs);
  std::string as_text(const ServiceLog& log, const LogRecord& record) const;
  const LogWords& asked_;
  const TimeZone& zone_;
  std::set<std::string, std::less<>> ids_;
};

}  // namespace postern
