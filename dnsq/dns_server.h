// dns_server - dnsqd's clients: takes their questions, within limits, and hands answers back as they are found
//
// Nobody holds up anybody else: a client that has asked its share is not read from until an answer leaves; one that does
// not read its answers is closed; a question that finds no answer in time has failed. Users of this host who are none of
// Postern's share small limits, so that Postern's own are always served.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "dnsq/dns_asker.h"
#include "dnsq/dns_resolver.h"
#include "lib/os/account.h"

namespace postern {

class DnsServer {
 public:
  DnsServer(EventLoop& loop, const Accounts& accounts);

  Status prepare(const DnsSettings& wanted, const std::vector<HostsLine>& hosts) { return resolver_.prepare(wanted, hosts); }
  Status listen(int socket);
  void stop();  // nobody new, and no new question
  bool is_done() const;  // nobody waits for an answer any more

 private:
  struct Client {
    Client(DnsServer* its, EventLoop& loop, std::uint64_t id, Fd socket, uid_t uid, bool is_ordinary)
        : server(its), asker(loop, id, std::move(socket), uid, is_ordinary) {}
    DnsServer* server;
    Asker asker;
  };
  struct Asked {
    std::uint64_t client;
    uid_t uid;
    bool is_ordinary;
    Milliseconds since;
    DnsQuestion question;
  };

  static void on_listener(void* server, unsigned readiness);
  static void on_client(void* client, unsigned readiness);
  static void on_late(void* server, unsigned readiness);
  static void on_settle(void* server, unsigned readiness);
  static void on_answer(void* server, std::uint64_t id, const DnsAnswer& answer);

  void accept_clients();
  std::string_view refusal_of(uid_t uid, bool is_ordinary) const;
  void serve(Asker& asker, unsigned readiness);
  bool take_question(Asker& asker);  // one; false: there is none, or it has to wait
  bool may_ask(const Asker& asker) const;
  bool make_room();
  void ask(Asker& asker, DnsQuestion question);
  void answer(std::uint64_t id, const DnsAnswer& answer);
  void settle(Asker& asker);
  void count_unread(const Asker& asker, std::size_t before);
  bool reads_too_little(const Asker& asker) const;
  void drop(Asker& asker, std::string_view why);
  void serve_waiting();
  void end_late_ones();
  void log_refusal(uid_t uid, std::string_view why);

  EventLoop& loop_;
  const Accounts& accounts_;
  Resolver resolver_;
  Event listener_, late_, settle_;
  bool is_stopping_ = false;
  std::uint64_t serving_ = 0;  // the client whose turn it is
  std::uint64_t last_id_ = 0;  // of clients and questions: none comes twice
  std::map<std::uint64_t, Client> clients_;
  std::map<std::uint64_t, Asked> asked_;  // in the order in which they were asked
  std::deque<std::uint64_t> waiting_;     // clients with a question that has to wait for room
  std::vector<std::uint64_t> touched_;    // clients with new answers
  std::map<uid_t, unsigned> ordinary_asked_;
  std::size_t ordinary_asked_in_all_ = 0;
  std::size_t unread_ = 0, ordinary_unread_ = 0;  // bytes of answers that have not left: of all, of ordinary users
  Milliseconds last_log_{0};
};

}  // namespace postern
