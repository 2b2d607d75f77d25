// queue_words - what an operator wrote behind `queue`
#pragma once

#include <optional>
#include <string>

#include "lib/net/desk_protocol.h"
#include "tools/tool_words.h"

namespace postern {

enum class Form : unsigned char { text, json };

struct QueueWords {
  DeskVerb verb = DeskVerb::list;
  Form form = Form::text;
  Selection selection;
  std::string word;        // what to pause; the parts to show
  bool reads_ids = false;  // "-": more IDs come on descriptor 0
};

Result<QueueWords> parse_queue_words(ToolWords& words);

// "90", "90s", "15m", "2h", "5d", "1w"
Result<Seconds> parse_span(std::string_view text);

}  // namespace postern
