// queue_printer - what queue-desk told, as text for people or as JSON for programs
//
// Text holds nothing that could steer a terminal; only a message that is shown into a file or pipe stays byte for byte.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/queue_report.h"
#include "tools/queue_words.h"

namespace postern {

class QueuePrinter {
 public:
  // `asked` stays with the caller.
  QueuePrinter(const QueueWords& asked, bool is_terminal) : asked_(asked), is_terminal_(is_terminal) {}

  Status take(const DeskAnswer& answer);  // any but the last of a request: that is the caller's
  Status finish();                        // after the last request
  std::uint64_t changed() const { return changed_; }

 private:
  Status end_message();
  Status take_bytes(const DeskAnswer& answer);
  void begin_part(char kind);
  void take_outcome(const DeskAnswer& answer);
  void take_pause(const DeskAnswer& answer);
  void take_finding(const DeskAnswer& answer);
  bool is_json() const { return asked_.form == Form::json; }
  JsonText& json();
  Status write_some();

  const QueueWords& asked_;
  bool is_terminal_;
  WallTime now_ = wall_now();
  std::optional<MessageRow> message_;
  std::vector<EnvelopeField> fields_;
  char part_ = 0;  // of a message shown as JSON: whose string is open
  JsonText json_;
  bool has_begun_ = false;    // something was written: the array's bracket, or the head of a table
  bool shows_bytes_ = false;  // of show as text: the envelope was written
  std::uint64_t changed_ = 0;
  std::string text_;
};

}  // namespace postern
