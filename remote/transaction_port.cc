#include "remote/transaction_port.h"

namespace postern {

void TransactionPort::let_go() {
  has_decided_ = true;
  for (const Kept& kept : kept_) port_.report(kept.recipient, Outcome::deferred, Blame::destination, kept.text);
  kept_.clear();
}

void TransactionPort::report(std::uint32_t recipient, Outcome outcome, Blame blame, const std::string& text) {
  if (!has_decided_ && outcome == Outcome::deferred && blame == Blame::destination) {
    kept_.push_back({recipient, text});
    return;
  }
  let_go();
  port_.report(recipient, outcome, blame, text);
}

bool TransactionPort::may_finish() {
  let_go();
  return port_.may_finish();
}

}  // namespace postern
