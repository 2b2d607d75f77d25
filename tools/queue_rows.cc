#include "tools/queue_rows.h"

#include <algorithm>

namespace postern {
namespace {

constexpr std::size_t longest_text = 4096;  // no address, and no reason, is longer

std::uint64_t count_of(std::int64_t seconds) { return seconds < 0 ? 0 : static_cast<std::uint64_t>(seconds); }

DeskAnswer recipient_answer(const QueuedMessage& message, std::size_t index) {
  const RecipientState* const state = message.state_of(index);
  DeskAnswer answer{DeskAnswer::Kind::recipient,
                    {message.envelope->recipients[index].address.text(), std::string{message.word_of(index)}, {}},
                    {0, 0, 0, 0, 0}};
  if (!state) return answer;
  answer.texts[2] = state->text;
  answer.numbers = {1, count_of(state->time), state->tries, count_of(state->next), state->is_bounced};
  return answer;
}

}  // namespace

Seconds MessageRow::age(WallTime now) const {
  return std::max(Seconds{0}, std::chrono::duration_cast<Seconds>(now - id.created()));
}

Status tell_message(const QueuedMessage& message, const Tell& tell) {
  DeskAnswer answer{DeskAnswer::Kind::message,
                    {message.entry.id.text(),
                     message.entry.place == QueuePlace::broken ? "broken" : "todo",
                     message.problem.substr(0, longest_text),
                     message.envelope ? message.envelope->sender.text() : std::string{},
                     {}},
                    {message.bytes, message.envelope.has_value(), 0, 0}};
  if (message.state && message.state->mark) {
    const MessageMark& mark = *message.state->mark;
    answer.texts[4] = mark.word == StateWord::held ? "held" : "deleted";
    answer.numbers[2] = count_of(mark.time);
    answer.numbers[3] = mark.uid;
  }
  TRY(tell(answer));
  if (!message.envelope) return Done{};
  for (std::size_t i = 0; i < message.envelope->recipients.size(); ++i) TRY(tell(recipient_answer(message, i)));
  return Done{};
}

Result<MessageRow> message_row(const DeskAnswer& answer) {
  return MessageRow{TRY(QueueId::parse(Wire{answer.texts[0]})),
                    answer.texts[1],
                    answer.texts[2],
                    answer.texts[3],
                    answer.texts[4],
                    answer.numbers[0],
                    answer.numbers[1] != 0,
                    answer.numbers[2],
                    answer.numbers[3],
                    {}};
}

RecipientRow recipient_row(const DeskAnswer& answer) {
  return {answer.texts[0],   answer.texts[1],   answer.texts[2],   answer.numbers[0] != 0,
          answer.numbers[1], answer.numbers[2], answer.numbers[3], answer.numbers[4] != 0};
}

}  // namespace postern
