// queue - what waits in the queue, and why
//
// run by   root, or pn-send; members of its group see all but the states
// fds      1>answer   2>errors
// files    reads queue/todo/XX/ID, queue/broken/ID, state/XX/ID; flush writes to run/queue-send/s
// exits    0 done   100 it cannot be done like that   111 not now, try again
// see      queue(8), doc/queue.md
#include <sys/stat.h>
#include <unistd.h>

#include "lib/core/ascii.h"
#include "lib/core/crc32c.h"
#include "lib/core/number.h"
#include "lib/os/io.h"
#include "lib/os/program.h"
#include "lib/os/socket.h"
#include "tools/queue_report.h"
#include "tools/tool_words.h"

namespace postern {
namespace {

constexpr std::size_t piece = 65536;

enum class Form : unsigned char { text, json };

Status list(Form form) {
  QueueView const queue = TRY(QueueView::open());
  WallTime const now = wall_now();
  auto const entries = TRY(queue.entries());
  JsonText json;
  json.array();
  std::string text = form == Form::text && !entries.empty() ? list_head() : "";
  for (const QueueEntry& entry : entries) {
    auto const message = queue.read(entry);
    if (!message) continue;  // delivered meanwhile
    if (form == Form::json) {
      add_as_json(json, *message, now);
      text += json.text();
      json.clear();
    } else {
      text += as_text(*message, now);
    }
    if (text.size() < piece) continue;
    TRY(write_all(1, text));
    text.clear();
  }
  if (form == Form::json) text += json.end_array().text() + "\n";
  return write_all(1, text);
}

Status count() { return write_all(1, decimal(TRY(TRY(QueueView::open()).entries()).size()) + "\n"); }

// Strangers' bytes must not steer the operator's terminal.
Status write_message(std::string text, bool is_terminal) {
  if (is_terminal)
    for (char& c : text)
      if ((is_control(c) && c != '\n' && c != '\t') || is_eight_bit(c)) c = '?';
  return write_all(1, text);
}

Status show(const QueueId& id) {
  QueuedMessage const message = TRY(TRY(QueueView::open()).find(id));
  struct stat output {};
  bool const is_terminal = fstat(1, &output) == 0 && S_ISCHR(output.st_mode);
  TRY(write_all(1, envelope_text(message, wall_now())));
  if (!message.envelope)
    return permanent("its file is damaged, so only the file itself can be looked at; see doc/queue.md:", id.view());
  TRY(write_message(message.envelope->header_lines, is_terminal));
  std::uint32_t checksum = 0;
  std::uint64_t at = 0;
  std::string room;
  for (std::uint64_t left = message.frame.message_length; left > 0; left -= room.size(), at += room.size()) {
    room.resize(std::min<std::uint64_t>(left, piece));
    TRY(pread_exactly(message.file.number(), room, static_cast<off_t>(Frame::size + at)));
    checksum = crc32c(checksum, room);
    TRY(write_message(room, is_terminal));
  }
  if (checksum != message.frame.message_crc)
    return permanent("the message's checksum is wrong, so it will not be delivered:", id.view());
  return Done{};
}

Status flush(const Fd& socket, const std::optional<QueueId>& id) {
  if (id) TRY(TRY(QueueView::open()).find(*id));
  return write_all(socket.number(), id ? "F" + id->text() : "F", Deadline::in(10s));
}

struct QueueWords {
  enum class Command : unsigned char { list, count, show, flush } command;
  Form form = Form::text;
  std::optional<QueueId> id;
};

Result<QueueWords> parse(ToolWords& words) {
  std::string_view const name = words.next();
  QueueWords parsed{};
  using Command = QueueWords::Command;
  if (name == "list")
    parsed.command = Command::list;
  else if (name == "count")
    parsed.command = Command::count;
  else if (name == "show")
    parsed.command = Command::show;
  else if (name == "flush")
    parsed.command = Command::flush;
  else
    return permanent("usage: queue list [--json], queue count, queue show ID or queue flush [ID]; see queue(8)");
  bool const takes_id = parsed.command == Command::show || parsed.command == Command::flush;
  while (!words.is_empty()) {
    std::string_view const word = words.next();
    if (parsed.command == Command::list && word == "--json")
      parsed.form = Form::json;
    else if (takes_id && !parsed.id)
      parsed.id = TRY(QueueId::parse(Wire{word}));
    else
      return permanent("one word too many:", word);
  }
  if (parsed.command == Command::show && !parsed.id) return permanent("usage: queue show ID, as queue list names it");
  return parsed;
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  ToolWords words = TRY(ToolWords::read(args));
  QueueWords const asked = TRY(parse(words));
  TRY(enter_directory(words.directory()));
  Fd socket;
  if (asked.command == QueueWords::Command::flush) socket = TRY(connect_datagrams(service_socket("queue-send")));
  TRY(confine());
  switch (asked.command) {
    case QueueWords::Command::list:
      return list(asked.form);
    case QueueWords::Command::count:
      return count();
    case QueueWords::Command::show:
      return show(*asked.id);
    case QueueWords::Command::flush:
      return flush(socket, asked.id);
  }
  return permanent("usage: see queue(8)");
}
