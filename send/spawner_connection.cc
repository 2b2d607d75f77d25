#include "send/spawner_connection.h"

#include "lib/os/log.h"

namespace postern {

std::vector<DeliveryReport> Spawner::take_reports() {
  std::vector<DeliveryReport> reports;
  std::string& input = connection.input();
  std::string_view rest = input;
  while (rest.size() >= record_head) {
    auto const length = record_length(Wire{rest.substr(0, record_head)});
    if (length && rest.size() < record_head + *length) break;
    auto report =
        length ? DeliveryReport::parse(Wire{rest.substr(record_head, *length)}) : Result<DeliveryReport>{length.error()};
    if (!report) {
      LogLine{"spawner"}.add("service", connection.service()).add("error", report.error().text()).write();
      is_ready = false;
      connection.close();
      input.clear();
      return reports;
    }
    rest.remove_prefix(record_head + *length);
    reports.push_back(*std::move(report));
  }
  input.erase(0, input.size() - rest.size());
  return reports;
}

}  // namespace postern
