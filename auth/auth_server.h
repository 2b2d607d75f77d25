// auth_server - authd's connections: questions come in, answers go out when they are due
#pragma once

#include <set>
#include <unordered_map>

#include "auth/login_checker.h"
#include "lib/os/account.h"
#include "lib/os/listener.h"

namespace postern {

class AuthServer {
 public:
  static constexpr std::size_t most_connections = 1000;  // then the one that was idle longest makes room
  static constexpr Milliseconds most_idle = 2min;

  // The sockets to listen on; both are watched by `events`, an epoll descriptor, as soon as listen() was called.
  AuthServer(LoginChecker& checker, const Accounts& accounts, int events)
      : checker_(checker), accounts_(accounts), events_(events) {}
  Status listen(int askers, int tickets, int signals);
  Status serve();  // until a signal came

 private:
  using Connections = std::unordered_map<std::uint64_t, AuthConnection>;

  int timeout() const;
  void handle(std::uint64_t id, unsigned what);
  void accept(Listener& listener, bool is_for_tickets);
  void watch_listeners();
  bool may_ask(uid_t uid, bool is_for_tickets) const;
  void make_room();
  void close_idle();
  void close(Connections::iterator at);
  void receive(Connections::iterator at);
  bool take_questions(Connections::iterator at);
  bool take_question(std::uint64_t id, AuthConnection& connection, std::string_view body);
  bool ask(std::uint64_t id, AuthConnection& connection, AuthRequest& request);
  void schedule(Verdict verdict);
  void answer_due();
  bool write(AuthConnection& connection, const std::string& record);
  void watch(std::uint64_t id, const AuthConnection& connection, bool is_new);

  LoginChecker& checker_;
  const Accounts& accounts_;
  int events_;
  int asker_socket_ = -1, ticket_socket_ = -1;
  Listener askers_{-1}, tickets_{-1};
  bool are_listeners_watched_ = true;  // not while one of them rests
  Connections connections_;
  std::uint64_t next_id_ = 0;
  std::set<std::pair<Milliseconds, std::uint64_t>> due_;  // answers and their connections
  std::unordered_map<std::uint64_t, Verdict> verdicts_;   // of connections, until they are due
  Milliseconds looked_for_idle_{};
  bool is_over_ = false;
};

}  // namespace postern
