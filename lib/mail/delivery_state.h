// delivery_state - what is known of each recipient of a queued message: the lines of state/XX/ID (doc/queue.md)
//
// The file is text, appended to and never changed. A line is a word, the recipient's index in the envelope (from 0), the
// time in seconds since 1970, and:
//
//   delivered INDEX TIME TEXT              done; TEXT is the report of who delivered it
//   relayed INDEX TIME TEXT                done; a host took it that knows nothing of delivery notices
//   passed INDEX TIME TEXT                 done; a host took it that sends the notices itself
//   deferred INDEX TIME TRIES NEXT TEXT    not now; tried TRIES times, the next time at NEXT (seconds since 1970)
//   failed INDEX TIME TEXT                 never; the sender is to be told
//   delayed INDEX TIME TEXT                still deferred; the sender was told so, by the message whose ID is TEXT; or why not
//   bounced INDEX TIME TEXT                the sender was told of the end, likewise
//   held UID TIME TEXT                     of the whole message: an operator, the user UID, wants it to wait
//   released UID TIME TEXT                 no longer
//   deleted UID TIME TEXT                  it is to be removed, and nobody told; nothing behind that counts
//
// TEXT is quoted as in log lines (bytes outside 0x21 to 0x7e, = " and \ are \xNN) and at most 512 bytes before that; an
// empty one is "-". The last line of a recipient counts. What follows the last LF was not written whole and is nothing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

constexpr std::size_t state_text_most = 512;        // bytes before quoting
constexpr std::size_t state_file_most = 64u << 20;  // bytes; a larger file is not one of ours

enum class StateWord : unsigned char { delivered, relayed, passed, deferred, failed, delayed, bounced, held, released, deleted };

struct StateLine {
  StateWord word;
  std::uint32_t recipient;  // its index; of held, released and deleted the operator's uid
  std::int64_t time;        // seconds since 1970
  std::uint32_t tries = 0;  // of deferred
  std::int64_t next = 0;    // of deferred
  std::string text;

  std::string encoded() const;                // with its LF
  static Result<StateLine> parse(Wire line);  // without LF
};

struct RecipientState {
  StateWord word;  // neither delayed nor bounced
  bool is_bounced;
  bool is_delay_told;
  std::int64_t time;
  std::uint32_t tries;
  std::int64_t next;
  std::string text;
};

// What an operator said of the whole message.
struct MessageMark {
  StateWord word;  // held or deleted
  std::uint32_t uid;
  std::int64_t time;
};

struct DeliveryState {
  std::map<std::uint32_t, RecipientState> recipients;  // by index; who is missing was never tried
  std::optional<MessageMark> mark;
  std::size_t whole_length = 0;  // of all whole lines: where the next one belongs

  static Result<DeliveryState> parse(Wire file);
};

}  // namespace postern
