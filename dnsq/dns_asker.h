// dns_asker - one client of dnsqd: the bytes from it and to it; nothing here waits
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "dnsq/event_loop.h"
#include "lib/net/dns_protocol.h"

namespace postern {

class Asker {
 public:
  Asker(EventLoop& loop, std::uint64_t id, Fd socket, uid_t uid, bool is_ordinary);
  // Whom to call when the socket is ready, or the time given to wait() is over.
  void call_with(Event::Action act, void* context) { event_.set_action(act, context); }

  std::uint64_t id() const { return id_; }
  uid_t uid() const { return uid_; }
  bool is_ordinary() const { return is_ordinary_; }  // a user of this host, none of Postern's

  bool read();   // what is there; false: the client is gone
  bool write();  // what can leave; false: likewise
  // The next whole question, or none yet; an error when what came is none.
  Result<std::optional<DnsQuestion>> next_question();
  bool has_question() const;  // or something that is none
  void answer(std::string_view record) { output_ += record; }
  // It will be closed as soon as nobody looks at it.
  void break_off(std::string_view why) { why_broken_ = why; }
  bool is_broken() const { return !why_broken_.empty(); }
  std::string_view why_broken() const { return why_broken_; }
  // Waits for what it can do now: bytes of the client unless it is held up, and room for answers.
  Status wait(bool is_held_up, std::optional<Milliseconds> longest);

  std::size_t unread() const { return output_.size(); }
  unsigned under_way = 0;   // questions
  bool is_in_line = false;  // for one more

 private:
  std::uint64_t id_;
  Fd socket_;
  uid_t uid_;
  bool is_ordinary_;
  Event event_;
  std::string input_, output_;
  std::string_view why_broken_;
  unsigned awaited_ = 0;  // what the event waits for
  std::optional<Milliseconds> longest_;
};

}  // namespace postern
