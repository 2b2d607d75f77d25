// inject - put a message from descriptor 0 into the queue, its header completed
//
// run by   anyone: people in a shell, cron, mail programs
// fds      0 < message   1 > the message (-n) or its queue ID (-v)   2 > errors
// files    reads control/ below Postern's directory; connects to run/queue-anyone/s          starts  nothing
// exits    0 on disk and ours (-n: printed)   100 wrong message, arguments or recipients, or refused   111 not now, try again
// see      inject(1)
#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "inject/command_line.h"
#include "inject/header_rewriter.h"
#include "inject/message_source.h"
#include "inject/sender_names.h"
#include "lib/core/ascii.h"
#include "lib/net/queue_protocol.h"
#include "lib/os/control.h"
#include "lib/os/io.h"
#include "lib/os/program.h"

namespace postern {
namespace {

// Read before the queue is asked: it gives a connection five minutes, a person or a slow pipe may take longer.
constexpr std::size_t read_ahead = 1u << 20;

Status enter(const std::string& directory) {
  bool const is_entered = chdir(directory.c_str()) == 0;
  bool const is_wrong =
      !is_entered && (errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == ENAMETOOLONG || errno == ELOOP);
  if (!is_entered)
    return Error{is_wrong ? Fate::permanent : Fate::temporary,
                 "cannot enter Postern's directory (--dir or POSTERN_DIR names it):", directory, errno};
  if (access("control", F_OK) != 0 && errno == ENOENT)
    return permanent("this is not Postern's directory, it has no control/ (--dir or POSTERN_DIR names it):", directory);
  return Done{};
}

Status print_message(const RewrittenHeader& header, MessageSource& source) {
  TRY(write_all(1, header.text, "\n"));
  for (;;) {
    std::string_view const piece = TRY(source.next_body());
    if (piece.empty()) return Done{};
    TRY(write_all(1, piece));
  }
}

Envelope envelope_of(const RewrittenHeader& header, const MessageSource& source) {
  Envelope envelope;
  envelope.origin = Origin::local;
  envelope.is_eight_bit = source.has_eight_bit();
  envelope.is_utf8 = !is_all_ascii(header.text) || !header.sender.is_ascii();  // RFC 6531 §3.6: the header counts, too
  envelope.sender = header.sender;
  for (const Address& address : header.recipients) {
    if (!address.is_ascii()) envelope.is_utf8 = true;
    envelope.recipients.push_back({address, 0, {}, 0});
  }
  return envelope;
}

// One try. Once more than `first` was read from the source there cannot be another.
Result<QueueAnswer> offer(const RewrittenHeader& header, std::string_view first, MessageSource& source) {
  auto client = QueueClient::connect("queue-anyone");
  if (!client) return Error{client.error().fate(), "is Postern running in this directory?", client.error().text(), 0};
  TRY(client->add(header.text));
  TRY(client->add("\n"));
  for (std::string_view piece = first; !piece.empty();) {
    TRY(client->add(piece));
    piece = source.is_over() ? std::string_view{} : TRY(source.next_body());
  }
  return client->commit(envelope_of(header, source));
}

bool is_crowded(const Result<QueueAnswer>& answer) {
  return answer ? !answer->id && answer->text == too_many_connections : answer.error().where() == too_many_connections;
}

// Many of one user's programs may have mail at the same moment: a message that is all here waits for its turn.
Result<QueueId> queue_message(const RewrittenHeader& header, MessageSource& source) {
  TRY(source.read_ahead(read_ahead));
  std::string_view const first = TRY(source.next_body());
  Deadline const patience = Deadline::in(2min);
  auto answer = offer(header, first, source);
  for (int wait = 20; is_crowded(answer) && source.is_over() && !patience.has_passed(); wait = std::min(2 * wait, 1000)) {
    poll(nullptr, 0, wait);
    answer = offer(header, first, source);
  }
  if (!answer) return std::move(answer).error();
  if (answer->id) return *answer->id;
  return Error{answer->fate, "the queue does not take the message:", answer->text};
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  CommandLine const line = TRY(CommandLine::parse(args));
  TRY(enter(line.directory));
  Control const control = TRY(Control::open());
  SenderNames const names = TRY(SenderNames::read(args, control));
  std::uint64_t const most_header = TRY(control.number<"maxheaderbytes">());
  std::uint64_t const most_hops = TRY(control.number<"maxhops">());
  TRY(confine());

  MessageSource source{0};
  TRY(source.read_header(most_header));
  WallTime const now = wall_now();
  MessageMoment const moment{now, TRY(QueueId::fresh(now)), getpid()};
  RewrittenHeader const header = TRY(rewrite_header(source.header(), line, names, moment, most_hops));
  if (line.destination == Destination::standard_output) return print_message(header, source);
  QueueId const id = TRY(queue_message(header, source));
  if (line.answer == Answer::quiet) return Done{};
  return write_all(1, id.view(), "\n");
}
