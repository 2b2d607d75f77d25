#include "dnsq/dns_asker.h"

#include <sys/socket.h>

#include <array>

namespace postern {
namespace {

constexpr std::size_t most_input = 4096;

bool would_wait() { return errno == EAGAIN || errno == EINTR; }

}  // namespace

Asker::Asker(EventLoop& loop, std::uint64_t id, Fd socket, uid_t uid, bool is_ordinary)
    : id_(id),
      socket_(std::move(socket)),
      uid_(uid),
      is_ordinary_(is_ordinary),
      event_(loop, socket_.number(), nullptr, nullptr) {}

bool Asker::read() {
  if (input_.size() >= most_input) return true;
  std::array<char, most_input> room;
  ssize_t const got = recv(socket_.number(), room.data(), room.size() - input_.size(), MSG_DONTWAIT);
  if (got < 0) return would_wait();
  input_.append(room.data(), static_cast<std::size_t>(got));
  return got > 0;
}

bool Asker::write() {
  while (!output_.empty()) {
    ssize_t const sent = send(socket_.number(), output_.data(), output_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) return would_wait();
    output_.erase(0, static_cast<std::size_t>(sent));
  }
  return true;
}

bool Asker::has_question() const {
  if (input_.size() < record_head) return false;
  auto const length = record_body_length(Wire{std::string_view{input_}.substr(0, record_head)}, dns_question_most);
  return !length || input_.size() >= record_head + *length;
}

Result<std::optional<DnsQuestion>> Asker::next_question() {
  if (!has_question()) return std::optional<DnsQuestion>{};
  std::size_t const length = TRY(record_body_length(Wire{std::string_view{input_}.substr(0, record_head)}, dns_question_most));
  DnsQuestion question = TRY(DnsQuestion::parse(Wire{std::string_view{input_}.substr(record_head, length)}));
  input_.erase(0, record_head + length);
  return std::optional{std::move(question)};
}

Status Asker::wait(bool is_held_up, std::optional<Milliseconds> longest) {
  unsigned const readiness = (is_held_up ? 0u : unsigned{is_readable}) | (output_.empty() ? 0u : unsigned{is_writable});
  if (event_.is_started() && readiness == awaited_ && longest == longest_) return Done{};
  awaited_ = readiness;
  longest_ = longest;
  return event_.start(readiness, longest, true);
}

}  // namespace postern
