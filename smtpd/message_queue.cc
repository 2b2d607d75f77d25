#include "smtpd/message_queue.h"

namespace postern {

Status QueueService::begin() {
  if (client_ && client_->is_stale()) client_.reset();  // queue-inject was restarted
  if (!client_) client_.emplace(TRY(QueueClient::connect("queue-trusted")));
  return Done{};
}

Status QueueService::add(std::string_view text) {
  Status status = client_->add(text);
  if (!status) client_.reset();
  return status;
}

Result<QueueAnswer> QueueService::commit(const Envelope& envelope) {
  auto answer = client_->commit(envelope);
  if (!answer) client_.reset();
  return answer;
}

void QueueService::abandon() {
  if (client_ && !client_->abandon()) client_.reset();
}

}  // namespace postern
