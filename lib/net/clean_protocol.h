// clean_protocol - what queue-send asks of queue-clean (doc/protocols.md)
//
// Both directions: records of 64 bytes, text padded with blanks and ended by LF: a letter, a queue ID, a decimal number.
//   queue-send → queue-clean   R  remove the message        B  move it to queue/broken, its frame does not fit
//                              S  fdatasync the descriptor that comes with this record; it is the state of ID, or with
//                                 no ID (zeros) queue-send's own
//                              X  remove it from queue/broken
//   queue-clean → queue-send   A  it takes requests from now on (all of an earlier connection are done); no ID means zeros
//                              r, b, s, x  done as asked; the number is 0 or the errno
// A message that is not there counts as removed.
#pragma once

#include <array>
#include <string>

#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/mail/queue_id.h"

namespace postern {

constexpr std::size_t clean_record_size = 64;

enum class CleanLetter : char {
  remove = 'R',
  broken = 'B',
  sync = 'S',
  discard = 'X',
  ready = 'A',
  removed = 'r',
  moved = 'b',
  synced = 's',
  discarded = 'x'
};

struct CleanRecord {
  CleanLetter letter;
  QueueId id;
  std::uint32_t error = 0;

  std::string encoded() const;
  static Result<CleanRecord> parse(Wire record);  // exactly clean_record_size bytes
};

}  // namespace postern
