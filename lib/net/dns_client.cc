#include "lib/net/dns_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <utility>

#include "lib/os/io.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

constexpr unsigned most_in_vain = 3;  // connections in a row that end without an answer

bool is_ended(int error) { return error == EPIPE || error == ECONNRESET; }

Result<Fd> connect_to_dnsqd() { return connect_stream_at_once(service_socket("dnsqd")); }

Error ended() { return Error{Fate::temporary, "dnsqd ends the connection", {}, ECONNRESET}; }

}  // namespace

Result<DnsClient> DnsClient::connect() { return DnsClient{TRY(connect_to_dnsqd()), most_in_vain}; }
Result<DnsClient> DnsClient::connect_once() { return DnsClient{TRY(connect_to_dnsqd()), 0}; }

// Of what was asked and not answered, nothing may still come on the connection that ended.
Status DnsClient::ask_again(Deadline deadline) {
  if (++connected_in_vain_ > most_in_vain_) return ended();
  socket_ = TRY(connect_to_dnsqd());
  ++connection_;
  input_.clear();
  std::string questions;
  for (auto const& [number, question] : asked_) questions += question.encoded();
  return write(questions, deadline);
}

Status DnsClient::write(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    ssize_t const sent = ::send(socket_.number(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (is_ended(errno)) return ask_again(deadline);  // these bytes' questions are among those asked
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return system_error("ask dnsqd");
    pollfd waiting{socket_.number(), POLLIN | POLLOUT, 0};
    if (poll(&waiting, 1, deadline.poll_timeout()) < 0 && errno != EINTR) return system_error("poll");
    std::uint32_t const connection = connection_;
    if (waiting.revents & POLLIN) TRY(read_answers(deadline));
    if (connection_ != connection) return Done{};  // asked anew, all of it
    if (waiting.revents == 0 && deadline.has_passed()) return Error{Fate::temporary, "ask dnsqd", {}, ETIMEDOUT};
  }
  return Done{};
}

Status DnsClient::read_answers(Deadline deadline) {
  TRY(wait_readable(socket_.number(), deadline));
  std::array<char, 16384> room;
  ssize_t const got = recv(socket_.number(), room.data(), room.size(), MSG_DONTWAIT);
  if (got == 0 || (got < 0 && is_ended(errno))) return ask_again(deadline);
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return Done{};
    return system_error("read from dnsqd");
  }
  input_.append(room.data(), static_cast<std::size_t>(got));
  return take_answers() ? Status{Done{}} : ask_again(deadline);  // a dnsqd that speaks nonsense is left
}

Status DnsClient::take_answers() {
  std::size_t taken = 0;
  while (input_.size() - taken >= record_head) {
    std::string_view const rest = std::string_view{input_}.substr(taken);
    std::size_t const length = TRY(record_body_length(Wire{rest.substr(0, record_head)}, dns_answer_most));
    if (rest.size() < record_head + length) break;
    Wire const body{rest.substr(record_head, length)};
    std::uint32_t const number = TRY(dns_answer_number(body));
    DnsAnswer answer = TRY(DnsAnswer::parse(body));
    if (asked_.erase(number) > 0) answers_.insert_or_assign(number, std::move(answer));
    connected_in_vain_ = 0;
    taken += record_head + length;
  }
  input_.erase(0, taken);
  return Done{};
}

Result<std::uint32_t> DnsClient::send(DnsType type, std::string_view name, Deadline deadline) {
  do {
    ++last_number_;
  } while (asked_.contains(last_number_) || answers_.contains(last_number_));
  std::uint32_t const number = last_number_;
  auto const question = DnsQuestion::make(number, type, name);
  if (!question) {
    DnsAnswer answer;
    answer.status = DnsStatus::no_name;
    answer.why = question.error().what();
    answers_.emplace(number, std::move(answer));
    return number;
  }
  asked_.emplace(number, *question);
  auto const sent = write(question->encoded(), deadline);
  if (!sent) {
    asked_.erase(number);
    return sent.error();
  }
  return number;
}

Result<NumberedAnswer> DnsClient::next(Deadline deadline) {
  while (answers_.empty()) {
    if (asked_.empty()) return permanent("DNS: no question is under way");
    TRY(read_answers(deadline));
  }
  auto first = answers_.extract(answers_.begin());
  return NumberedAnswer{first.key(), std::move(first.mapped())};
}

Result<DnsAnswer> DnsClient::ask(DnsType type, std::string_view name, Deadline deadline) {
  std::uint32_t const number = TRY(send(type, name, deadline));
  while (!answers_.contains(number)) {
    auto const read = read_answers(deadline);
    if (!read) {
      forget(number);
      return read.error();
    }
  }
  return std::move(answers_.extract(number).mapped());
}

void DnsClient::forget(std::uint32_t number) {
  asked_.erase(number);
  answers_.erase(number);
}

}  // namespace postern
