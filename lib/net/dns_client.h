// dns_client - asks dnsqd: one question and its answer, or many at once with answers as they come
//
// An error means that dnsqd is not there or the deadline passed (number() is ETIMEDOUT), and is temporary; what DNS itself
// has to say, failures too, is an answer. A name that DNS cannot have is answered here: no such name. A dnsqd that restarts
// is connected to anew and asked again what it had not answered; a program that is confined needs local_sockets for that.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/net/dns_protocol.h"
#include "lib/os/fd.h"

namespace postern {

struct NumberedAnswer {
  std::uint32_t number;
  DnsAnswer answer;
};

class DnsClient {
 public:
  static Result<DnsClient> connect();       // to run/dnsqd/s
  static Result<DnsClient> connect_once();  // for who may not connect again: when dnsqd ends the connection, so do all questions

  // Asks and waits. Questions sent before stay under way; their answers are for next().
  Result<DnsAnswer> ask(DnsType type, std::string_view name, Deadline deadline);

  // Sends a question without waiting for its answer; the number tells which answer is its.
  Result<std::uint32_t> send(DnsType type, std::string_view name, Deadline deadline);
  // The next answer to a question that was sent, in whatever order they are found. A permanent error: none is under way.
  Result<NumberedAnswer> next(Deadline deadline);
  // Nobody wants that answer any more.
  void forget(std::uint32_t number);
  std::size_t under_way() const { return asked_.size() + answers_.size(); }
  // Readable when an answer may have come; look for one with next(Deadline::in(0ms)). When has_answer(), do not wait for it.
  int fd() const { return socket_.number(); }
  bool has_answer() const { return !answers_.empty(); }

 private:
  explicit DnsClient(Fd socket, unsigned most_in_vain) : socket_(std::move(socket)), most_in_vain_(most_in_vain) {}
  Status write(std::string_view bytes, Deadline deadline);  // and takes answers meanwhile, so that neither side waits for ever
  Status read_answers(Deadline deadline);                   // what is there, or the first bytes that come
  Status take_answers();
  Status ask_again(Deadline deadline);

  Fd socket_;
  std::uint32_t last_number_ = 0;
  std::uint32_t connection_ = 0;    // counts them
  unsigned connected_in_vain_ = 0;  // times in a row
  unsigned most_in_vain_;
  std::map<std::uint32_t, DnsQuestion> asked_;
  std::map<std::uint32_t, DnsAnswer> answers_;
  std::string input_;
};

}  // namespace postern
