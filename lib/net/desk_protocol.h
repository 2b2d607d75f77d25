// desk_protocol - what an operator's tool asks of queue-desk, and what it is told (doc/protocols.md)
//
// Records as elsewhere: four bytes of length, big-endian, at most 64 KiB of body: a letter, and netstrings. A connection
// carries any number of requests, one after the other; each is answered by any number of records, the last one an E or X.
//
// A request is a verb and what it is about, each part a netstring that begins with a letter of its own:
//   a  all messages              i  this ID; any number of them            s  this sender ("<>", "me@here.example",
//   "@here.example") r  such a recipient          d  a recipient in that domain             o, y  older, younger than so many
//   seconds w  a word: what to pause, or the parts of a message to show
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/core/wire.h"
#include "lib/mail/queue_id.h"

namespace postern {

constexpr std::size_t desk_record_most = 65'536;
constexpr std::size_t desk_ids_most = 2000;   // of one request
constexpr std::size_t desk_word_most = 1024;  // bytes of one part
constexpr std::size_t desk_piece = 49'152;    // bytes of a message in one record

enum class DeskVerb : char {
  list = 'L',
  count = 'C',
  show = 'S',
  why = 'W',
  verify = 'V',
  hold = 'H',
  release = 'R',
  remove = 'D',
  flush = 'F',
  pause = 'P',
  resume = 'U',
  pauses = 'Q'
};

// Which messages: those that every part that is given fits. With none, none.
struct Selection {
  bool is_all = false;
  std::vector<QueueId> ids;
  std::optional<std::string> sender, recipient, domain;
  std::optional<Seconds> older, younger;

  bool is_empty() const { return !is_all && ids.empty() && !sender && !recipient && !domain && !older && !younger; }
};

struct DeskRequest {
  DeskVerb verb;
  Selection selection;
  std::string word;

  std::string encoded() const;
  static Result<DeskRequest> parse(Wire body);
};

// What is told: texts and numbers, as many as its kind has. Nothing of it was looked at for what a terminal makes of it.
struct DeskAnswer {
  enum class Kind : char {
    message = 'M',    // id, place, problem, sender, mark; bytes, has an envelope, time and uid of the mark
    recipient = 'R',  // address, word, reason; was tried, time, tries, next try, was told; of the last message
    field = 'V',      // name, value: a part of the envelope
    header = 'H',     // bytes
    body = 'B',       // bytes
    outcome = 'O',    // id or what was paused, word, sender, text; bytes, recipients
    pause = 'P',      // what; time, uid
    finding = 'N',    // id or nothing, text
    end = 'E',        // messages, those with a problem
    error = 'X'       // text; is for good
  };
  Kind kind;
  std::vector<std::string> texts;
  std::vector<std::uint64_t> numbers;

  std::string encoded() const;
  static Result<DeskAnswer> parse(Wire body);
};

// A body's length from its four-byte head; an error when it is empty or longer than desk_record_most.
Result<std::size_t> desk_record_length(Wire head);

}  // namespace postern
