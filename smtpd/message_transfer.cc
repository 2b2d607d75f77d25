#include "smtpd/message_transfer.h"

namespace postern {
namespace {

constexpr std::string_view queue_is_away = "451 4.3.0 The queue is not there now; try again";
constexpr std::string_view bare_line_end = "550 5.5.2 A bare CR or LF in the message; lines end in CR LF";

}  // namespace

MessageTransfer::~MessageTransfer() {
  if (is_open_) queue_.abandon();
}

Status MessageTransfer::begin() {
  Status status = queue_.begin();
  if (!status) {
    refusal_ = queue_is_away;
    error_ = status.error().text();
  }
  is_open_ = status.has_value();
  return status;
}

void MessageTransfer::refuse(std::string_view reply) {
  if (!refusal_.empty()) return;
  refusal_ = reply;
  if (is_open_) queue_.abandon();
  is_open_ = false;
}

void MessageTransfer::judge() {
  if (body_.is_malformed()) refuse(bare_line_end);
  if (rules_.message_bytes != 0 && body_.size() > rules_.message_bytes)
    refuse("552 5.3.4 The message is larger than this host takes");
  if (!watch_.refusal().empty()) refuse(watch_.refusal());
  if (mender_ && !mender_->refusal().empty()) refuse(mender_->refusal());
}

void MessageTransfer::pass_on() {
  if (!is_open_ || text_.empty()) return;
  if (auto const added = queue_.add(text_); !added) {
    is_open_ = false;
    error_ = added.error().text();
    refuse(queue_is_away);
  }
}

std::size_t MessageTransfer::take(std::string_view wire) {
  text_.clear();
  std::size_t const taken = body_.take(wire, text_);
  if (!refusal_.empty()) return taken;
  watch_.see(text_);
  if (mender_) mender_->take(text_);
  judge();
  pass_on();
  return taken;
}

MessageTransfer::Outcome MessageTransfer::finish(const Envelope& envelope) {
  if (!body_.has_ended()) body_.end();
  if (mender_ && refusal_.empty()) mender_->finish(text_);
  judge();
  if (mender_) pass_on();
  if (!is_open_) return {std::string{refusal_}, std::nullopt, error_};
  is_open_ = false;
  auto const answer = queue_.commit(envelope);
  if (!answer) return {std::string{queue_is_away}, std::nullopt, answer.error().text()};
  return {reply_of(*answer), answer->id, {}};
}

}  // namespace postern
