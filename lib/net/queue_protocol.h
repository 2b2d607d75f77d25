// queue_protocol - how a message is handed to queue-inject (doc/protocols.md)
//
// Frames over a stream socket: one letter, four bytes of length (big-endian, at most 65,536), that many bytes.
//   client   M  a piece of the message; any number, in order          E  a piece of the envelope; after the message
//            C  commit (empty); then an answer comes                  X  forget what was sent (empty); no answer
//   server   Y  the queue ID: on disk and ours                        T, P  why not: temporary, permanent
// The text of T and P begins with an enhanced status code (RFC 3463). A connection carries any number of messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/mail/envelope.h"
#include "lib/mail/queue_id.h"
#include "lib/os/fd.h"

namespace postern {

constexpr std::size_t queue_frame_head = 5;
constexpr std::size_t queue_frame_most = 65536;

struct QueueFrameHead {
  char letter;
  std::uint32_t length;
  static Result<QueueFrameHead> parse(Wire head);  // of queue_frame_head bytes; the letter is one of the client's or server's
};
void append_queue_frame(std::string& text, char letter, std::string_view content);

// What the public service says, as a T frame, to a uid that has too many connections to it; then it closes.
constexpr std::string_view too_many_connections = "4.7.0 too many connections of this uid at once";

// What became of a message: accepted under an ID, or not and why ("4.3.1 the queue is nearly full").
struct QueueAnswer {
  std::optional<QueueId> id;
  Fate fate = Fate::temporary;  // when there is no ID
  std::string text;
};

// The client's side. Small messages leave in one write with their envelope; long ones stream.
class QueueClient {
 public:
  static Result<QueueClient> connect(std::string_view service);  // "queue-trusted" or "queue-anyone"

  Status add(std::string_view message_bytes);            // a server that refuses and closes: the error says why it did
  Result<QueueAnswer> commit(const Envelope& envelope);  // and is ready for the next message
  Status abandon();                                      // forget this message; ready for the next
  // The server ended the connection while nothing was under way (a restart). The next message connects anew by itself.
  bool is_stale() const;

 private:
  QueueClient(std::string path, Fd socket) : path_(std::move(path)), socket_(std::move(socket)) {}
  Status renew();
  Status flush_message();
  Result<QueueAnswer> read_answer(Deadline deadline);
  std::string path_;
  Fd socket_;
  std::string pending_;    // message bytes not yet sent
  bool has_sent_ = false;  // part of this message left
};

}  // namespace postern
