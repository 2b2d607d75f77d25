// tls_tickets - the keys of TLS 1.3 session tickets (RFC 8446 4.6.1): new ones each hour, others for each service
//
// A ticket is taken for as long as its key is there, one to two hours, by the service that gave it; another cannot read it.
// Nothing is kept of a session: its state is in the ticket.
#pragma once

#include <array>
#include <string_view>

#include "auth/openssl_types.h"
#include "lib/core/clock.h"
#include "lib/core/result.h"

namespace postern {

constexpr auto ticket_hour = Milliseconds{1h};

// What a connection has of them.
struct ServiceTickets {
  struct Keys {
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> cipher;
    std::array<unsigned char, 32> mac;
  };
  Keys current, previous;
  void forget();  // overwrites them: tickets are given and taken in the handshake only
  // The callback of SSL_CTX_set_tlsext_ticket_key_evp_cb; SSL_get_app_data() is the ServiceTickets, or nothing.
  static int use(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int is_new);
};

class TicketKeys {
 public:
  static Result<TicketKeys> make();
  ~TicketKeys() { forget(); }
  // What was moved from holds no secret: every connection's process has a copy of where it was.
  TicketKeys(TicketKeys&& other) noexcept : current_(other.current_), previous_(other.previous_), due_(other.due_) { other.forget(); }
  TicketKeys& operator=(TicketKeys&&) = delete;

  Status roll_when_due();
  Deadline due() const { return due_; }
  ServiceTickets of_service(std::string_view service) const;
  void forget();  // overwrites what keys are made from

 private:
  using Secret = std::array<unsigned char, 32>;
  TicketKeys() = default;
  Secret current_{}, previous_{};
  Deadline due_ = Deadline::in(ticket_hour);
};

}  // namespace postern
