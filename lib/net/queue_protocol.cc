#include "lib/net/queue_protocol.h"

#include <poll.h>
#include <sys/socket.h>

#include "lib/os/io.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

constexpr auto answer_wait = Milliseconds{300'000};

void append_head(std::string& text, char letter, std::size_t length) {
  text += letter;
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(length >> shift & 0xff);
}

// The other side is gone, but what it said before can still be read.
bool is_closed(const Error& error) { return error.number() == EPIPE || error.number() == ECONNRESET; }

}  // namespace

Result<QueueFrameHead> QueueFrameHead::parse(Wire wire) {
  std::string_view const head = wire.bytes();
  if (head.size() != queue_frame_head) return permanent("queue protocol: not a frame");
  if (std::string_view{"MECXYTP"}.find(head.front()) == std::string_view::npos) return permanent("queue protocol: unknown frame");
  std::uint32_t length = 0;
  for (char const c : head.substr(1)) length = length << 8 | static_cast<unsigned char>(c);
  if (length > queue_frame_most) return permanent("queue protocol: frame too long");
  return QueueFrameHead{head.front(), length};
}

void append_queue_frame(std::string& text, char letter, std::string_view content) {
  append_head(text, letter, content.size());
  text += content;
}

Result<QueueClient> QueueClient::connect(std::string_view service) {
  std::string path = service_socket(service);
  Fd socket = TRY(connect_stream(path));
  return QueueClient{std::move(path), std::move(socket)};
}

// A restarted service ends connections without a request, and a stranger may take minutes between DATA and the dot. One
// that ends them with an answer means it.
Status QueueClient::renew() {
  char byte;
  if (!has_sent_ && recv(socket_.number(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) socket_ = TRY(connect_stream(path_));
  return Done{};
}

Status QueueClient::flush_message() {
  TRY(renew());
  std::string head;
  append_head(head, 'M', pending_.size());
  Deadline const deadline = Deadline::in(answer_wait);
  auto const sent = write_all(socket_.number(), head, pending_, deadline);
  if (!sent) {
    if (!is_closed(sent.error())) return sent;
    auto const answer = read_answer(deadline);
    if (!answer || answer->id) return sent;
    return Error{answer->fate, "the queue does not take the message:", answer->text};
  }
  has_sent_ = true;
  pending_.clear();
  return Done{};
}

Status QueueClient::add(std::string_view bytes) {
  while (!bytes.empty()) {
    std::size_t const fits = queue_frame_most - pending_.size();
    pending_.append(bytes.substr(0, fits));
    bytes.remove_prefix(fits < bytes.size() ? fits : bytes.size());
    if (pending_.size() == queue_frame_most) TRY(flush_message());
  }
  return Done{};
}

Result<QueueAnswer> QueueClient::commit(const Envelope& envelope) {
  std::string request;
  if (!pending_.empty()) append_queue_frame(request, 'M', pending_);
  pending_.clear();
  std::string const encoded = envelope.encoded();
  for (std::string_view rest = encoded; !rest.empty();
       rest.remove_prefix(rest.size() < queue_frame_most ? rest.size() : queue_frame_most))
    append_queue_frame(request, 'E', rest.substr(0, queue_frame_most));
  append_queue_frame(request, 'C', {});
  TRY(renew());
  Deadline const deadline = Deadline::in(answer_wait);
  auto const sent = write_all(socket_.number(), request, deadline);
  has_sent_ = false;
  if (!sent && !is_closed(sent.error())) return sent.error();
  auto answer = read_answer(deadline);
  if (!sent && (!answer || answer->id)) return sent.error();
  return answer;
}

Result<QueueAnswer> QueueClient::read_answer(Deadline deadline) {
  char head[queue_frame_head];
  TRY(read_exactly(socket_.number(), head, deadline));
  QueueFrameHead const frame = TRY(QueueFrameHead::parse(Wire{std::string_view{head, sizeof head}}));
  std::string text(frame.length, '\0');
  TRY(read_exactly(socket_.number(), text, deadline));
  if (frame.letter == 'Y') return QueueAnswer{TRY(QueueId::parse(Wire{text})), Fate::temporary, {}};
  if (frame.letter != 'T' && frame.letter != 'P') return permanent("queue protocol: unknown answer");
  return QueueAnswer{std::nullopt, frame.letter == 'P' ? Fate::permanent : Fate::temporary, std::move(text)};
}

Status QueueClient::abandon() {
  pending_.clear();
  if (!std::exchange(has_sent_, false)) return Done{};
  std::string frame;
  append_queue_frame(frame, 'X', {});
  return write_all(socket_.number(), frame, Deadline::in(answer_wait));
}

bool QueueClient::is_stale() const {
  if (has_sent_) return false;
  pollfd waiting{socket_.number(), POLLIN, 0};
  return poll(&waiting, 1, 0) > 0;  // nothing is owed to us, so readable means ended
}

}  // namespace postern
