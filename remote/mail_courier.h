// mail_courier - takes letters to one destination: over the connection it has, else over a new one
#pragma once

#include <optional>

#include "remote/host_connector.h"
#include "remote/smtp_client.h"

namespace postern {

class MailCourier {
 public:
  explicit MailCourier(HostConnector& connector) : connector_(connector) {}
  MailCourier(const MailCourier&) = delete;
  MailCourier& operator=(const MailCourier&) = delete;
  ~MailCourier() { leave(); }

  // Reports each recipient once.
  void deliver(const Letter& letter, DeliveryPort& port);

  // While idle: what to watch, or -1; and what to do when it is readable.
  int socket() const { return client_ ? client_->socket() : -1; }
  void look();
  void leave();  // says QUIT

 private:
  HostConnector& connector_;
  std::optional<SmtpClient> client_;
};

}  // namespace postern
