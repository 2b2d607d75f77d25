// queue - what waits in the queue, and why; and what an operator does about it
//
// run by   root, or members of the group pn-operators
// fds      0<more IDs, for "-"   1>answer   2>errors
// files    log reads log/SERVICE/*; all else asks queue-desk, and where that does not run root reads queue/ and state/
// exits    0 done   100 it cannot be done like that, or something is wrong   111 not now, try again
// see      queue(8), doc/queue.md
#include <sys/stat.h>
#include <unistd.h>

#include "lib/core/number.h"
#include "lib/os/io.h"
#include "lib/os/program.h"
#include "tools/desk_client.h"
#include "tools/log_search.h"
#include "tools/queue_printer.h"
#include "tools/queue_words.h"
#include "tools/text_table.h"

namespace postern {
namespace {

constexpr std::size_t most_ids_text = 16u << 20;

// As many requests as the IDs take; the sum of what each found wrong.
Result<DeskClient::End> ask(DeskClient& desk, QueuePrinter& printer, const QueueWords& asked) {
  DeskRequest request{asked.verb, asked.selection, asked.word};
  std::vector<QueueId> const ids = std::move(request.selection.ids);
  DeskClient::End sum;
  for (std::size_t at = 0; at == 0 || at < ids.size(); at += desk_ids_most) {
    std::size_t const end = std::min(ids.size(), at + desk_ids_most);
    request.selection.ids.assign(ids.begin() + static_cast<std::ptrdiff_t>(at), ids.begin() + static_cast<std::ptrdiff_t>(end));
    auto const one = TRY(desk.ask(request, [&](const DeskAnswer& answer) { return printer.take(answer); }));
    sum = {sum.messages + one.messages, sum.problems + one.problems};
  }
  return sum;
}

// The first word of each line, so that what `queue list` prints is understood: its head and its recipients are passed over.
Status read_ids(std::vector<QueueId>& ids) {
  std::string const text = TRY(read_all(0, most_ids_text));
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view const line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    std::string_view const word = line.substr(0, line.find(' '));
    if (word.empty() || word == "ID") continue;
    auto const id = QueueId::parse(Wire{word});
    if (!id) return permanent("not a queue ID, on descriptor 0:", printable(word));
    ids.push_back(*id);
  }
  return Done{};
}

std::string verdict(const DeskClient::End& end) {
  std::string text = decimal(end.messages) + (end.messages == 1 ? " message looked at: " : " messages looked at: ");
  if (end.problems == 0) return text + "everything fits together\n";
  return text + decimal(end.problems) + (end.problems == 1 ? " thing is wrong\n" : " things are wrong\n");
}

bool is_terminal(int fd) {
  struct stat output {};
  return fstat(fd, &output) == 0 && S_ISCHR(output.st_mode);
}

// What was found wrong is written already; who reads the answer may have had enough of it.
Status carry_out(DeskClient& desk, QueueWords& asked) {
  if (asked.reads_ids) {
    TRY(read_ids(asked.selection.ids));
    if (asked.selection.ids.empty()) return permanent("no IDs on descriptor 0");
  }
  QueuePrinter printer{asked, is_terminal(1)};
  auto const asked_for = ask(desk, printer, asked);
  TRY(printer.finish());  // what came before an error, too
  DeskClient::End const end = TRY(asked_for);
  if (asked.verb == DeskVerb::count) TRY(write_all(1, decimal(end.messages) + "\n"));
  if (asked.verb == DeskVerb::verify && asked.form == Form::text) TRY(write_all(1, verdict(end)));
  bool const is_question = asked.verb == DeskVerb::list || asked.verb == DeskVerb::count;
  if (end.problems > 0 && !is_question) exit_program(100);
  return Done{};
}

Status search_logs(ToolWords& words, std::optional<std::string_view> zone) {
  LogWords const asked = TRY(parse_log_words(words));
  TRY(enter_directory(words.directory()));
  TimeZone const local = TimeZone::local(zone);
  auto const logs = Directory::open("log");
  TRY(confine());
  auto const found = logs ? LogSearch{asked, local}.run(*logs) : Result<std::uint64_t>{logs.error()};
  if (!found && found.error().number() == EACCES)
    return permanent("only root and members of the group pn-operators may read the logs");
  if (TRY(found) == 0) return permanent("the logs say nothing of it");
  return Done{};
}

Status ask_desk(ToolWords& words) {
  QueueWords asked = TRY(parse_queue_words(words));
  TRY(enter_directory(words.directory()));
  DeskClient desk = TRY(DeskClient::connect());
  TRY(confine());
  return carry_out(desk, asked);
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  ToolWords words = TRY(ToolWords::read(args));
  Status const done = words.first() == "log" ? search_logs(words, args.variable("TZ")) : ask_desk(words);
  if (!done && done.error().number() == EPIPE) return Done{};
  return done;
}
