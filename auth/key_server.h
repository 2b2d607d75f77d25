// key_server - tlskeyd's connections: who may ask, how much, how long
//
// One process and one loop: a signature is a millisecond's work, and each process more would be one more with the keys in it.
#pragma once

#include <vector>

#include "auth/key_store.h"
#include "lib/os/account.h"
#include "lib/os/fd.h"
#include "lib/os/listener.h"

namespace postern {

class KeyServer {
 public:
  KeyServer(KeyStore& store, uid_t client) : store_(store), client_(client) {}
  // Serves the listening socket on descriptor 0 until `signals` has something, or what it was told to wipe is due.
  Status serve_until_signal(const Fd& signals);

 private:
  struct Connection {
    Fd socket;
    std::string input;
    Deadline until;
    unsigned asked = 0;
  };
  void accept_all();
  bool serve(Connection& connection);  // false: it is over
  bool answer(Connection& connection, std::string_view body);

  KeyStore& store_;
  uid_t client_;
  std::vector<Connection> connections_;
  Listener listener_{0};
};

}  // namespace postern
