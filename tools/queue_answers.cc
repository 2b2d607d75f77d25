#include "tools/queue_answers.h"

#include <algorithm>

#include "lib/core/crc32c.h"
#include "lib/core/number.h"
#include "lib/os/io.h"
#include "tools/queue_verify.h"

namespace postern {
namespace {

constexpr std::size_t longest_field = 32'768;

// Tells bytes in pieces, as header up to and with the first empty line, as body behind it.
class PartTeller {
 public:
  PartTeller(std::string_view parts, const Tell& tell) : tell_(tell), parts_(parts) {}

  Status add(std::string_view bytes) {
    std::size_t const end = is_in_header_ ? end_of_header(bytes) : 0;
    TRY(tell(DeskAnswer::Kind::header, 'h', bytes.substr(0, end)));
    return tell(DeskAnswer::Kind::body, 'b', bytes.substr(end));
  }
  bool wants_body() const { return parts_.find('b') != std::string_view::npos; }
  bool is_in_header() const { return is_in_header_; }

 private:
  // How many of these bytes belong to the header.
  std::size_t end_of_header(std::string_view bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bool const is_empty_line = bytes[i] == '\n' && is_line_start_;
      is_line_start_ = bytes[i] == '\n';
      if (!is_empty_line) continue;
      is_in_header_ = false;
      return i + 1;
    }
    return bytes.size();
  }

  Status tell(DeskAnswer::Kind kind, char part, std::string_view bytes) {
    if (bytes.empty() || parts_.find(part) == std::string_view::npos) return Done{};
    return tell_({kind, {std::string{bytes}}, {}});
  }

  const Tell& tell_;
  std::string_view parts_;
  bool is_in_header_ = true;
  bool is_line_start_ = true;
};

Status tell_envelope(const Envelope& envelope, const Tell& tell) {
  auto const add = [&tell](std::string_view name, std::string_view value) -> Status {
    if (value.empty()) return Done{};
    return tell({DeskAnswer::Kind::field, {std::string{name}, std::string{value.substr(0, longest_field)}}, {}});
  };
  constexpr std::string_view origins[] = {"inbound", "submission", "local", "bounce"};
  TRY(add("Origin", origins[std::string_view{"islb"}.find(static_cast<char>(envelope.origin))]));
  TRY(add("Login", envelope.login));
  TRY(add("Client", envelope.client));
  TRY(add("Helo", envelope.helo));
  TRY(add("Protocol", envelope.protocol));
  TRY(add("Injector", envelope.origin == Origin::local ? decimal(envelope.injector) : ""));
  TRY(add("Envid", envelope.envid));
  TRY(add("Ret", envelope.ret == Return::full ? "full" : envelope.ret == Return::headers ? "headers" : ""));
  std::string flags;
  if (envelope.is_eight_bit) flags += "8BITMIME ";
  if (envelope.is_utf8) flags += "SMTPUTF8 ";
  if (envelope.is_junk) flags += "junk ";
  return add("Flags", std::string_view{flags}.substr(0, flags.empty() ? 0 : flags.size() - 1));
}

// The whole message is read only where its body is asked for; then its checksum is known, too.
Status tell_content(const QueuedMessage& message, std::string_view parts, const Tell& tell) {
  PartTeller teller{parts, tell};
  TRY(teller.add(message.envelope->header_lines));
  std::uint32_t checksum = 0;
  std::uint64_t at = 0;
  std::string room;
  for (std::uint64_t left = message.frame.message_length; left > 0 && (teller.wants_body() || teller.is_in_header());
       left -= room.size(), at += room.size()) {
    room.resize(std::min<std::uint64_t>(left, desk_piece));
    TRY(pread_exactly(message.file.number(), room, static_cast<off_t>(Frame::size + at)));
    checksum = crc32c(checksum, room);
    TRY(teller.add(room));
  }
  if (at == message.frame.message_length && checksum != message.frame.message_crc)
    return permanent("the message's checksum is wrong, so it will not be delivered:", message.entry.id.view());
  return Done{};
}

Status list(const QueueView& queue, const Selection& selection, const Tell& tell) {
  std::uint64_t count = 0, problems = 0;
  auto const act = [&](const QueuedMessage& message) {
    ++count;
    problems += !message.problem.empty();
    return tell_message(message, tell);
  };
  auto const miss = [](const QueueId& id) -> Status { return permanent("no message in the queue has this ID:", id.view()); };
  TRY(for_each_chosen(queue, selection, act, miss));
  return tell(end_answer(count, problems));
}

Status show(const QueueView& queue, const DeskRequest& request, const Tell& tell) {
  if (request.selection.ids.size() != 1) return permanent("show takes one ID");
  const QueueId& id = request.selection.ids.front();
  auto const message = queue.find(id);
  if (!message) return permanent("no message in the queue has this ID:", id.view());
  TRY(tell_message(*message, tell));
  if (!message->envelope)
    return permanent("its file is damaged, so only the file itself can be looked at; see doc/queue.md:", id.view());
  TRY(tell_envelope(*message->envelope, tell));
  if (request.word.find_first_of("hb") != std::string::npos) TRY(tell_content(*message, request.word, tell));
  return tell(end_answer(1));
}

}  // namespace

DeskAnswer end_answer(std::uint64_t messages, std::uint64_t problems) {
  return {DeskAnswer::Kind::end, {}, {messages, problems}};
}

DeskAnswer error_answer(const Error& error) { return {DeskAnswer::Kind::error, {error.text()}, {error.is_permanent()}}; }

Status for_each_chosen(const QueueView& queue, const Selection& selection, const std::function<Status(const QueuedMessage&)>& act,
                       const std::function<Status(const QueueId&)>& miss) {
  Chosen const chosen = TRY(Chosen::read(selection, wall_now()));
  for (const QueueId& id : selection.ids) {
    auto const message = queue.find(id);
    if (!message) {
      TRY(miss(id));
    } else if (chosen.fits(*message)) {
      TRY(act(*message));
    }
  }
  if (!selection.ids.empty() || selection.is_empty()) return Done{};
  for (const QueueEntry& entry : TRY(queue.entries())) {
    if (!chosen.fits_age(entry.id)) continue;
    auto const message = queue.read(entry);
    if (message && chosen.fits(*message)) TRY(act(*message));  // else it was delivered meanwhile
  }
  return Done{};
}

bool is_answered_from_files(DeskVerb verb) {
  return std::string_view{"LCSV"}.find(static_cast<char>(verb)) != std::string_view::npos;
}

Status answer_from_files(const QueueView& queue, const DeskRequest& request, const Tell& tell) {
  switch (request.verb) {
    case DeskVerb::list:
      return list(queue, request.selection, tell);
    case DeskVerb::count:
      return tell(end_answer(TRY(queue.entries()).size()));
    case DeskVerb::show:
      return show(queue, request, tell);
    case DeskVerb::verify:
      return verify(queue, tell);
    default:
      return permanent("nothing that the files could tell");
  }
}

}  // namespace postern
