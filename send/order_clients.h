// order_clients - who gives queue-send orders: connections of queue-desk, for an event loop; nothing here ever waits
//
// A client may have orders_at_once orders that are not answered; what it says beyond that is not read before. One that
// says something unknown, or does not take its answers, is cut off.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <functional>
#include <list>
#include <string>
#include <vector>

#include "lib/net/order_protocol.h"
#include "lib/os/fd.h"

namespace postern {

class OrderClients {
 public:
  using Name = std::uint32_t;  // of a client; never given to another
  // A listening socket, or -1: nobody gives orders. `desk` is the uid that may, besides root.
  OrderClients(int listener, uid_t desk) : listener_(listener), desk_(desk) {}

  void add_to_poll(std::vector<pollfd>& waiting) const;
  void hear(const std::vector<pollfd>& waiting);  // what add_to_poll() added, with its events
  // Gives each whole order that has come to `obey`, which may answer it at once, as long as `may_go_on` says so.
  void take(const std::function<bool()>& may_go_on, const std::function<void(Name, const Order&)>& obey);
  // Nothing, if the client has gone. All but lines end an order.
  void answer(Name client, const OrderAnswer& answer);

 private:
  struct Client {
    Name name;
    Fd socket;
    std::string input, output;
    std::size_t unanswered = 0;
    bool is_over = false;
  };
  void accept_clients();
  void read_from(Client& client);
  void write_to(Client& client);
  bool take_order(Client& client, const std::function<void(Name, const Order&)>& obey);

  int listener_;
  uid_t desk_;
  Name next_name_ = 0;
  std::list<Client> clients_;
};

}  // namespace postern
