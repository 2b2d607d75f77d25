#include "lib/net/sender_connection.h"

#include <sys/socket.h>

#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/socket.h"

namespace postern {

void SenderConnection::tell(const std::string& records) {
  if (!stream_) return;
  if (!write_all(stream_->number(), records, Deadline::in(1min))) stream_.reset();  // it hears everything when it is back
}

void SenderConnection::report(DeliveryReport report) {
  tell(report.encoded());
  ended_.insert_or_assign(report.key, std::move(report));
}

void SenderConnection::accept(const std::vector<DeliveryKey>& running) {
  Fd socket{accept4(0, nullptr, nullptr, SOCK_CLOEXEC)};
  if (!socket.is_open()) return LogLine{"accept"}.add("error", system_error("accept").text()).write();
  auto const peer = peer_of(socket.number());
  if (!peer || peer->uid != queue_send_) {
    LogLine{"refused"}.add("uid", std::uint64_t{peer ? peer->uid : 0}).add("reason", "not queue-send").write();
    return;
  }
  stream_.emplace(std::move(socket));
  std::string greeting;
  for (const auto& [key, report] : ended_) greeting += report.encoded();
  for (const DeliveryKey& key : running) greeting += DeliveryReport{Outcome::running, key, {}}.encoded();
  tell(greeting + ready_record());
}

void SenderConnection::receive() {
  if (stream_ && !stream_->receive()) stream_.reset();
}

std::optional<std::string> SenderConnection::next_request() {
  while (stream_) {
    auto body = stream_->next();
    if (!body) {
      refuse(body.error());
    } else if (!*body || (*body)->front() != 'F') {
      return *std::move(body);
    } else if (auto const key = parse_forget(Wire{**body}); key) {
      ended_.erase(*key);
    } else {
      refuse(key.error());
    }
  }
  return std::nullopt;
}

void SenderConnection::refuse(const Error& error) {
  LogLine{"refused"}.add("error", error.text()).write();
  stream_.reset();
}

}  // namespace postern
