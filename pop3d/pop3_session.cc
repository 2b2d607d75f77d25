#include "pop3d/pop3_session.h"

#include <memory>

#include "lib/core/number.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "pop3d/outgoing_message.h"

namespace postern {

// RFC 1939 §5 to §7, RFC 2449 §5, RFC 6856 §2.1 and §3.
constexpr Pop3Session::Verb Pop3Session::verbs[] = {
    {"STAT", &Pop3Session::stat, Verb::Argument::none},     {"LIST", &Pop3Session::list, Verb::Argument::optional},
    {"RETR", &Pop3Session::retr, Verb::Argument::needed},   {"DELE", &Pop3Session::dele, Verb::Argument::needed},
    {"NOOP", &Pop3Session::noop, Verb::Argument::none},     {"RSET", &Pop3Session::rset, Verb::Argument::none},
    {"QUIT", &Pop3Session::quit, Verb::Argument::none},     {"TOP", &Pop3Session::top, Verb::Argument::needed},
    {"UIDL", &Pop3Session::uidl, Verb::Argument::optional}, {"CAPA", &Pop3Session::capa, Verb::Argument::none},
    {"LANG", &Pop3Session::lang, Verb::Argument::optional}, {"UTF8", &Pop3Session::utf8, Verb::Argument::none},
};

void Pop3Session::run(std::string_view user) {
  Milliseconds const started = monotonic_now();
  LogLine line{"session"};
  if (auto const status = converse(); !status) {
    if (status.error().number() == ETIMEDOUT) why_ = "timeout";
    if (why_ == "connection-closed") why_ = "error";
    line.add("error", status.error().text());
  }
  auto const seconds = static_cast<std::uint64_t>((monotonic_now() - started).count()) / 1000;
  line.add("user", user).add("messages", maildrop_.messages().size()).add("retrieved", retrieved_).add("deleted", deleted_);
  line.add("seconds", seconds).add("why", why_).write();
}

Status Pop3Session::converse() {
  if (maildrop_.passed_over() != 0) LogLine{"passed-over"}.add("files", maildrop_.passed_over()).write();
  out_.line("+OK The mailbox is yours: " + decimal(maildrop_.messages().size()) + " messages");
  while (!is_over_) {
    if (!in_.has_line()) TRY(out_.flush());
    TRY(out_.flush_if_large());
    auto const line = TRY(in_.next(longest_pop3_line, Deadline::in(pop3_patience)));
    if (!line) return Done{};
    TRY(command(*line));
  }
  return out_.flush();
}

Status Pop3Session::command(const LineReader::Line& line) {
  auto const words = line.was_cut ? permanent("too long") : Pop3Command::parse(line.bytes);
  if (!words) return refuse("-ERR That is no command");
  for (const Verb& verb : verbs) {
    if (!words->is(verb.name)) continue;
    if (verb.argument == Verb::Argument::none && !without_line_end(words->argument).empty())
      return refuse("-ERR It takes no argument");
    if (verb.argument == Verb::Argument::needed && words->argument.empty())
      return refuse("-ERR It needs the number of a message");
    return (this->*verb.act)(*words);
  }
  return refuse("-ERR That command is not known here");
}

Status Pop3Session::say(std::string_view line) {
  out_.line(line);
  return Done{};
}

Status Pop3Session::refuse(std::string_view line) {
  out_.line(line);
  if (++bad_commands_ <= most_bad_commands) return Done{};
  why_ = "bad-commands";
  is_over_ = true;
  return Done{};
}

// A message that is there and not marked as deleted.
Message* Pop3Session::find(std::string_view text) {
  auto const number = message_number(text);
  auto& messages = maildrop_.messages();
  if (!number || *number > messages.size() || messages[*number - 1].is_deleted) return nullptr;
  return &messages[*number - 1];
}

// One that another program has removed meanwhile counts as nothing.
Result<std::uint64_t> Pop3Session::octets_of(Message& message) {
  auto const octets = maildrop_.octets_of(message);
  if (octets || is_missing(octets.error())) return octets ? *octets : 0;
  return octets;
}

Status Pop3Session::stat(const Pop3Command&) {
  std::uint64_t count = 0, octets = 0;
  for (Message& message : maildrop_.messages()) {
    if (message.is_deleted) continue;
    auto const own = octets_of(message);
    if (!own) return say("-ERR [SYS/TEMP] The mailbox cannot be read now");
    ++count;
    octets += *own;
  }
  return say("+OK " + decimal(count) + " " + decimal(octets));
}

std::string Pop3Session::number_of(const Message& message) const {
  return decimal(static_cast<std::uint64_t>(&message - maildrop_.messages().data()) + 1);
}

Status Pop3Session::say_list_line(Message& message) {
  std::uint64_t const octets = TRY(octets_of(message));
  out_.line(number_of(message) + " " + decimal(octets));
  return out_.flush_if_large();
}

Status Pop3Session::list(const Pop3Command& command) {
  if (command.argument.empty()) {
    out_.line("+OK");
    for (Message& message : maildrop_.messages())
      if (!message.is_deleted) TRY(say_list_line(message));  // half a list ends with the connection
    return say(".");
  }
  Message* const message = find(command.argument);
  if (!message) return refuse("-ERR There is no such message");
  auto const octets = octets_of(*message);
  if (!octets) return say("-ERR [SYS/TEMP] The message cannot be read now");
  return say("+OK " + number_of(*message) + " " + decimal(*octets));
}

std::string Pop3Session::uid_of(const Message& message) const {
  return decimal(maildrop_.validity()) + "." + decimal(message.uid);
}

Status Pop3Session::uidl(const Pop3Command& command) {
  if (!maildrop_.has_uids()) return say("-ERR [SYS/TEMP] The list of unique-ids cannot be written now");
  if (!command.argument.empty()) {
    const Message* const message = find(command.argument);
    if (!message) return refuse("-ERR There is no such message");
    return say("+OK " + number_of(*message) + " " + uid_of(*message));
  }
  out_.line("+OK");
  for (const Message& message : maildrop_.messages()) {
    if (message.is_deleted) continue;
    out_.line(number_of(message) + " " + uid_of(message));
    TRY(out_.flush_if_large());
  }
  return say(".");
}

// Once "+OK" is out, the message comes to its end or the connection does.
Status Pop3Session::send(Message& message, std::uint64_t lines) {
  auto const opened = maildrop_.open_message(message);
  if (!opened && is_missing(opened.error())) return say("-ERR The message is gone");
  if (!opened) return say("-ERR [SYS/TEMP] The message cannot be read now");
  constexpr std::size_t room_size = 65536;
  auto const room = std::make_unique_for_overwrite<char[]>(room_size);
  OutgoingMessage outgoing{utf8_ == Utf8::yes ? OutgoingMessage::Header::as_it_is : OutgoingMessage::Header::in_ascii, lines};
  MessageSize size;
  bool is_whole = false;
  out_.line("+OK");
  while (!outgoing.has_ended() && !is_whole) {
    std::size_t const got = TRY(read_some(opened->file.number(), std::span{room.get(), room_size}));
    std::string_view const piece{room.get(), got};
    size.see(piece);
    is_whole = got == 0 || size.bytes() >= opened->size;  // no call for the end of the file
    outgoing.take(piece, out_.waiting());
    TRY(out_.flush_if_large());
  }
  outgoing.finish(out_.waiting());
  if (is_whole && !maildrop_.note_size(message, size))
    LogLine{"wrong-size"}.add("message", uid_of(message)).add("octets", size.octets()).write();
  return out_.flush_if_large();
}

Status Pop3Session::retr(const Pop3Command& command) {
  Message* const message = find(command.argument);
  if (!message) return refuse("-ERR There is no such message");
  TRY(send(*message, OutgoingMessage::all_lines));
  message->is_retrieved = true;
  ++retrieved_;
  return Done{};
}

Status Pop3Session::top(const Pop3Command& command) {
  auto const wanted = message_and_lines(command.argument);
  if (!wanted) return refuse("-ERR TOP needs the number of a message and a number of lines");
  Message* const message = find(decimal(wanted->first));
  if (!message) return refuse("-ERR There is no such message");
  return send(*message, wanted->second);
}

Status Pop3Session::dele(const Pop3Command& command) {
  Message* const message = find(command.argument);
  if (!message) return refuse("-ERR There is no such message");
  message->is_deleted = true;
  return say("+OK It goes at QUIT");
}

Status Pop3Session::noop(const Pop3Command&) { return say("+OK"); }

Status Pop3Session::rset(const Pop3Command&) {
  for (Message& message : maildrop_.messages()) message.is_deleted = false;
  return say("+OK Nothing is marked");
}

Status Pop3Session::quit(const Pop3Command&) {
  is_over_ = true;
  why_ = "quit";
  for (const Message& message : maildrop_.messages()) deleted_ += message.is_deleted;
  if (auto const updated = maildrop_.update(); !updated) {
    why_ = "quit-failed";
    return say("-ERR [SYS/TEMP] Some messages could not be removed");
  }
  return say("+OK Bye");
}

Status Pop3Session::capa(const Pop3Command&) {
  out_.line("+OK");
  if (offer_) say_login_capabilities(out_, *offer_);  // RFC 2449 §5: in both states
  say_common_capabilities(out_);
  return say(".");
}

Status Pop3Session::lang(const Pop3Command& command) {
  if (!answer_language(command, out_)) ++bad_commands_;
  return Done{};
}

Status Pop3Session::utf8(const Pop3Command&) { return refuse("-ERR UTF8 comes before the login"); }

}  // namespace postern
