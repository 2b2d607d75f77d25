// delivery_protocol - queue-send, the spawners and their children speak of deliveries in these records (doc/protocols.md)
//
// A record: four bytes of length of what follows (big-endian, at most 4096), a letter, and netstrings. A delivery is
// named by queue ID and recipient index, so that what a spawner still runs means the same to the next queue-send.
//
//   queue-send → local-spawn   L  id, index, local name, recipient        with the open queue file
//   local-spawn → local        O  id, index, recipient, dash, extension   with the open queue file
//   queue-send → remote-spawn → remote   T  id, destination, indexes      with the open queue file
//   child → spawner → queue-send   K, Y, P, D  id, index, text            delivered; relayed; passed; never
//                                  Z  id, index, text, m or d             not now: the message's or the destination's trouble
//   remote → remote-spawn   C                                             a connection to tlsc is wanted, for a host that offers
//   TLS remote-spawn → remote   C  error         with that connection; or with none, and the error says why queue-send → spawner
//   F  id, index      the outcome is in the state file, or the message is gone: forget it spawner → queue-send, when it connects:
//   K, Y, P, Z, D for what ended and was not forgotten; R  id, index for what
//                                             still runs; then A (no fields): it takes requests from now on
//
// A spawner keeps every outcome until it is told to forget it, so a queue-send that dies between hearing an outcome and
// acting on it does not deliver again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/mail/destination.h"
#include "lib/mail/queue_id.h"
#include "lib/net/record.h"

namespace postern {

constexpr std::size_t record_most = 4096;

struct DeliveryKey {
  QueueId id;
  std::uint32_t recipient;  // index in the envelope, from 0
  friend auto operator<=>(const DeliveryKey&, const DeliveryKey&) = default;
};

struct LocalRequest {
  DeliveryKey key;
  std::string name;       // for the users database
  std::string recipient;  // the address as the envelope has it
  std::string encoded() const;
  static Result<LocalRequest> parse(Wire body);
};

struct LocalOrder {
  DeliveryKey key;
  std::string recipient;
  std::string dash;
  std::string extension;
  std::string encoded() const;
  static Result<LocalOrder> parse(Wire body);
};

constexpr std::size_t transaction_recipients_most = 100;

// One message to recipients who share a destination, in one SMTP transaction.
struct RemoteRequest {
  QueueId id;
  Destination destination;
  std::vector<std::uint32_t> recipients;  // 1 to transaction_recipients_most, ascending
  std::string encoded() const;
  static Result<RemoteRequest> parse(Wire body);
};

// C: a running remote's, and the answer. parse_tls_answer() gives the error; with the connection it is empty.
constexpr std::size_t tls_connections_most = 24;  // of one request: more hosts than that are not tried
std::string tls_wanted_record();
bool is_tls_wanted(Wire body);
std::string tls_answer_record(std::string_view error);
Result<std::string> parse_tls_answer(Wire body);

// What became of a delivery. The text is for the sender and the log: "2.0.0 ...", "4.2.1 ...", "5.1.1 ...".
enum class Outcome : char {
  delivered = 'K',  // it is in the mailbox
  relayed = 'Y',    // a host took it that knows nothing of delivery notices (RFC 3461 §6.2.2): the notices are ours
  passed = 'P',     // a host took it that sends the notices itself
  deferred = 'Z',
  failed = 'D',
  running = 'R',
  ready = 'A'
};
// Whose trouble a deferral is: a destination's holds up all that goes there.
enum class Blame : char { message = 'm', destination = 'd' };
struct DeliveryReport {
  Outcome outcome;
  DeliveryKey key;                   // not of `ready`
  std::string text;                  // cut at report_text_most; control characters become '?'
  Blame blame = Blame::destination;  // of deferred
  std::string encoded() const;
  static Result<DeliveryReport> parse(Wire body);
};
std::string ready_record();

// F: queue-send has acted on an outcome.
std::string forget_record(const DeliveryKey& key);
Result<DeliveryKey> parse_forget(Wire body);

// A body's length from its head; an error when it is longer than record_most or empty.
Result<std::size_t> record_length(Wire head);

}  // namespace postern
