// local - deliver messages to one mailbox
//
// run by   local-spawn, as the mailbox's uid, in its home; or by hand: `local RECIPIENT < a queue file`
// fds      0 <> local-spawn: orders with the open queue file, reports back (lib/net/delivery_protocol.h)   2 > log
// files    reads the queue file it is handed; writes below ./Maildir, and the file that FULL names         starts  nothing
// exits    0 told to go (or delivered)   100 never (by hand)   111 not now
// see      local(8)
//
// What the envelope says goes in front of the message: Return-Path, Delivered-To, and the header lines that were added
// when it came in.
#include <sys/stat.h>
#include <unistd.h>

#include "lib/core/number.h"
#include "lib/mail/queue_file.h"
#include "lib/net/delivery_protocol.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/program.h"
#include "lib/os/socket.h"
#include "local/mailbox_limit.h"
#include "local/maildir_file.h"
#include "local/message_copy.h"

namespace postern {
namespace {

struct Mail {
  const Directory& home;
  std::string_view host;
  const MailboxLimit& limit;
};

// qmail's rule: who else may write to a home can make us write anywhere in it.
Status check_home(const Directory& home) {
  struct stat const status = TRY(home.status());
  if (status.st_uid != getuid()) return temporary("4.2.1 the home belongs to another user");
  if (status.st_mode & 022) return temporary("4.2.1 the home is writable by others; chmod go-w it");
  return Done{};
}

// Where instructions of the mailbox's owner will be obeyed. A file that asks for more than ./Maildir/ must not be
// passed over: its mail waits.
Status check_instructions(const Directory& home, const LocalOrder& order) {
  bool const is_sub_address = order.dash.empty() || order.dash == "+";  // to the mailbox itself, whatever follows
  std::string const name = is_sub_address ? ".qmail" : ".qmail" + order.dash + order.extension;
  if (name.find('/') != std::string::npos) return permanent("5.1.1 no mailbox here by that name");
  auto const status = home.status_of(name);
  if (status && status->st_size != 0)
    return temporary("4.3.5 instructions are not obeyed by this version; empty or remove", name);
  if (!status && !is_missing(status.error()))
    return Error{Fate::temporary, "4.3.0 cannot look for", name, status.error().number()};
  if (!status && !is_sub_address) return permanent("5.1.1 no mailbox here by that name");
  return Done{};
}

// The disk's errors in the words of RFC 3463; what already begins with a code stays.
Error in_words(Error error) {
  if (!error.what().empty() && (error.what().front() == '4' || error.what().front() == '5')) return error;
  if (error.number() == EDQUOT) return Error{Fate::temporary, "4.2.2 mailbox full:", error.what(), error.number()};
  if (error.number() == ENOSPC) return Error{Fate::temporary, "4.3.1 disk full:", error.what(), error.number()};
  if (error.number() == 0) return Error{Fate::temporary, "4.3.0", error.what()};
  return Error{Fate::temporary, "4.2.0", error.text()};
}

std::string lines_in_front(const Envelope& envelope, const LocalOrder& order) {
  return "Return-Path: <" + envelope.sender.text() + ">\nDelivered-To: " + order.recipient + "\n" + envelope.header_lines;
}

Status deliver_to_maildir(const Mail& mail, const LocalOrder& order, int message) {
  QueueFile const file = TRY(read_queue_file(message));
  Envelope const envelope = TRY(Envelope::parse(Wire{file.envelope_text}));
  auto opened = mail.home.open_directory("Maildir");
  if (!opened && !is_missing(opened.error())) return std::move(opened).error();
  if (!opened) return temporary("4.2.1 no Maildir here; make one with maildirmake:", opened.error().text());
  const Directory& maildir = *opened;
  std::string const in_front = lines_in_front(envelope, order);
  auto room = TRY(mail.limit.reserve(maildir, in_front.size() + file.frame.message_length));
  std::optional<Directory> junk;
  if (envelope.is_junk) junk = TRY(junk_folder(maildir));
  MaildirFile delivered = TRY(MaildirFile::create(junk ? *junk : maildir, mail.host));
  auto const size = TRY(copy_message(message, file.frame, in_front, order.recipient, delivered.fd()));
  TRY(delivered.commit(size));
  room.keep(size.bytes());
  return Done{};
}

Status deliver(const Mail& mail, const LocalOrder& order, int message) {
  TRY(check_home(mail.home));
  TRY(check_instructions(mail.home, order));
  return deliver_to_maildir(mail, order, message);
}

DeliveryReport report_of(const Mail& mail, const LocalOrder& order, int message) {
  auto status = deliver(mail, order, message);
  if (status) return {Outcome::delivered, order.key, "2.0.0 delivered to Maildir"};
  Error const error = in_words(std::move(status).error());
  return {error.is_permanent() ? Outcome::failed : Outcome::deferred, order.key, error.text()};
}

// Orders come one at a time: the next only after the last one's report.
Status obey(const Mail& mail) {
  for (;;) {
    char head[record_head];
    Received const received = TRY(receive_with_fd(0, head));
    if (received.bytes == 0) return Done{};
    TRY(read_exactly(0, std::span{head}.subspan(received.bytes)));
    std::string body(TRY(record_length(Wire{std::string_view{head, sizeof head}})), '\0');
    TRY(read_exactly(0, body));
    LocalOrder const order = TRY(LocalOrder::parse(Wire{body}));
    if (!received.fd.is_open()) return permanent("an order without its message");
    TRY(write_all(0, report_of(mail, order, received.fd.number()).encoded()));
  }
}

Status deliver_by_hand(const Mail& mail, std::string_view recipient) {
  auto address = TRY(Address::parse(Wire{recipient}));
  LocalOrder const order{{TRY(QueueId::fresh(wall_now())), 0}, address.text(), {}, {}};
  return deliver(mail, order, 0);
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  if (args.arguments.size() > 1) return permanent("usage: local [RECIPIENT] < a queue file; in the mailbox's home");
  struct stat input {};
  if (fstat(0, &input) != 0) return system_error("look at descriptor 0");
  if (args.arguments.empty() && !S_ISSOCK(input.st_mode))
    return permanent(
        "usage: local RECIPIENT < a queue file; without a recipient local-spawn starts it, with a socket on descriptor 0");
  Directory const home = TRY(Directory::open("."));
  MailboxLimit const limit = TRY(MailboxLimit::from(args));
  Mail const mail{home, args.variable("HOST").value_or("localhost"), limit};  // the host tells those apart that share a Maildir
  TRY(confine());
  return args.arguments.empty() ? obey(mail) : deliver_by_hand(mail, args.arguments[0]);
}
