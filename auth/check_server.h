// check_server - what check-spawn and shadow-spawn have in common: authd's questions, and programs with checkpassword's
// interface that answer them
//
// Such a program reads login NUL password NUL timestamp NUL from descriptor 3, at most 512 bytes. Exit code 0: right; 1:
// wrong; anything else, a signal, or no end in time: nobody can say now. Several are asked in their order until one says
// right; one that cannot say now makes that the answer when no other says right. At most most_checks run at once, further
// questions wait. Passwords are overwritten as soon as a program has them in its pipe for the last time.
#pragma once

#include <list>
#include <map>
#include <string>
#include <vector>

#include "lib/net/checker_protocol.h"
#include "lib/os/fd.h"
#include "lib/os/listener.h"
#include "lib/os/spawn.h"

namespace postern {

// What is different in the two.
class CheckSource {
 public:
  virtual ~CheckSource() = default;
  // Words of the programs to ask for this login.
  virtual Result<std::vector<std::vector<std::string>>> programs_for(const CheckQuestion& question) = 0;
  // Whose login it is, from what a program that ended with 0 had printed to its descriptor 1.
  virtual Result<std::string> login_of(const CheckQuestion& question, std::string_view printed) = 0;
  // Ends one that takes too long, if that can be done.
  virtual void end(pid_t pid) = 0;
};

class CheckServer {
 public:
  // `nothing` is /dev/null; `asker` is authd's uid.
  CheckServer(CheckSource& source, uid_t asker, Fd nothing) : source_(source), asker_(asker), nothing_(std::move(nothing)) {}

  Status run(Listener listener, const Fd& signals);  // until TERM, and until what runs then has ended

 private:
  struct Client {
    std::uint64_t id;
    Fd socket;
    std::string input;
  };
  struct Check {
    std::uint64_t client;
    CheckQuestion question;  // its password is in `request` alone
    std::string request;     // as descriptor 3 gives it
    std::vector<std::vector<std::string>> programs;
    std::size_t next = 0;      // in programs
    std::string trouble = {};  // of those that could not say
    bool is_answered = false;
    pid_t pid = 0;
    Fd output = {};
    std::string printed = {};
    std::string unread = {};  // why not all of it could be read
    Deadline deadline = Deadline::never();
  };
  using Checks = std::list<Check>;

  void accept_client(Listener& listener);
  bool hear(Client& client);
  std::list<Client>::iterator forget(std::list<Client>::iterator client);
  Status take_questions(Client& client);
  void take(Client& client, CheckQuestion question);
  void start_waiting();
  void go_on(Check& check);  // starts its next program, or answers
  Status start(Check& check);
  static void read_output(Check& check);
  void reap();
  void ended(Check& check, int status);
  void look_at_time();
  void answer(Check& check, CheckAnswer::Kind kind, std::string text);
  Deadline next_deadline() const;

  CheckSource& source_;
  uid_t asker_;
  Fd nothing_;
  std::uint64_t last_id_ = 0;
  std::list<Client> clients_;
  Checks waiting_, running_;
};

}  // namespace postern
