#include "remote/mail_courier.h"

#include "remote/transaction_port.h"

namespace postern {
namespace {

constexpr unsigned most_hosts = 2;  // that take the connection and then do not want this letter now

}  // namespace

void MailCourier::leave() {
  if (client_) client_->quit();
  client_.reset();
}

void MailCourier::look() {
  if (client_ && !client_->is_quiet()) leave();
}

void MailCourier::deliver(const Letter& letter, DeliveryPort& port) {
  look();
  if (client_) {
    bool const is_delivered = client_->deliver(letter, port);
    if (!client_->is_usable()) leave();
    if (is_delivered) return;
  }
  connector_.start();
  std::optional<TransactionPort> last;
  for (unsigned hosts = 0; hosts < most_hosts && !client_; ++hosts) {
    client_ = connector_.connect();
    if (!client_) break;
    last.emplace(port);
    bool const is_delivered = client_->deliver(letter, *last);
    if (!client_->is_usable()) leave();
    if (is_delivered && last->has_decided()) return;
  }
  if (last) return last->let_go();
  NoConnection const why = connector_.no_connection();
  for (std::uint32_t const recipient : letter.recipients) port.report(recipient, why.outcome, why.blame, why.text);
}

}  // namespace postern
