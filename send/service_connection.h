// service_connection - one end of a stream to a service, for an event loop: nothing here ever waits
//
// What cannot leave at once waits in a bounded buffer; a service that is away is tried again after 20 ms, then twice as
// long each time up to one second. Bytes that came are in input() until consumed.
#pragma once

#include <poll.h>

#include <string>
#include <string_view>

#include "lib/core/clock.h"
#include "lib/os/fd.h"

namespace postern {

class Connection {
 public:
  explicit Connection(std::string_view service) : service_(service) {}

  // True when a connection has just been made. Does nothing while there is one, or before the time of the next try.
  bool connect();
  bool is_open() const { return socket_.is_open(); }
  bool has_room() const { return is_open() && output_.size() < most_output; }
  bool takes_descriptors() const { return is_open() && output_.empty() && !is_full_; }
  bool has_sent_all() const { return output_.empty(); }
  // All of it is on its way; false: a descriptor cannot leave now (try when the socket is writable), or it is broken.
  bool send(std::string_view bytes, int fd = -1);
  // Reads and writes what it can; false: the connection has ended, and is closed.
  bool work(short events);
  std::string& input() { return input_; }
  void works_well() { delay_ = Milliseconds{0}; }  // the service has spoken: the next failure is the first again
  void close();

  pollfd poll_entry() const;
  Deadline next_try() const { return is_open() ? Deadline::never() : next_try_; }
  const std::string& service() const { return service_; }

 private:
  bool flush();
  bool fill();

  static constexpr std::size_t most_output = 1u << 20;
  static constexpr std::size_t most_input = 4u << 20;
  std::string service_;
  Fd socket_;
  std::string output_, input_;
  bool is_full_ = false;  // a descriptor did not get in: wait until the socket is writable
  Milliseconds delay_{0};
  Deadline next_log_ = Deadline::in(Milliseconds{0});  // of its absence
  Deadline next_try_ = Deadline::in(Milliseconds{0});
};

}  // namespace postern
