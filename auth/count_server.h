// count_server - countd's clients: one process, one epoll, nobody waits for anybody
//
// Each uid that may ask has a table and a number of connections of its own, so whoever takes over one of them changes no count
// of another's. A client that does not read its answers, or speaks nonsense, is closed.
#pragma once

#include <map>
#include <memory>
#include <unordered_map>

#include "auth/count_table.h"
#include "lib/core/result.h"
#include "lib/os/fd.h"

namespace postern {

class CountServer {
 public:
  // May be made before confine(): nothing of a client is read.
  static Result<CountServer> make(std::initializer_list<uid_t> askers, int listener, int signals);

  // Serves until a signal comes.
  Status run();

 private:
  struct Asker {
    CountTable table;
    std::size_t clients = 0;
    explicit Asker(std::size_t most_keys) : table(most_keys) {}
  };
  struct Client {
    Fd socket;
    Asker* asker;
    std::string input;
  };

  CountServer(Fd epoll, int listener, int signals) : epoll_(std::move(epoll)), listener_(listener), signals_(signals) {}
  Status watch(int fd);
  void accept_client();
  void refuse(uid_t uid, std::string_view why);
  void drop(int fd);
  void serve(int fd);
  Result<bool> hear(Client& client);  // false: it is gone

  Fd epoll_;
  int listener_, signals_;
  std::map<uid_t, Asker> askers_;
  std::unordered_map<int, Client> clients_;
  Milliseconds last_refusal_{0};
};

}  // namespace postern
