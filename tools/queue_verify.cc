#include "tools/queue_verify.h"

#include <poll.h>

#include <algorithm>

#include "lib/core/crc32c.h"
#include "lib/core/number.h"
#include "lib/os/io.h"
#include "tools/queue_answers.h"

namespace postern {
namespace {

constexpr std::size_t piece = 262'144;
constexpr auto oldest_unfinished = std::chrono::hours{36};  // queue-clean removes what is older
constexpr int looks = 20;                                   // at a state whose message has just gone
constexpr int between_looks = 100;                          // milliseconds
constexpr mode_t of_others = 0007;

class Verifier {
 public:
  Verifier(const QueueView& queue, const Tell& tell) : queue_(queue), tell_(tell) {}

  Status run() {
    queue_owner_ = TRY(queue_.queue().status()).st_uid;
    TRY(look_at_todo());
    TRY(look_at_broken());
    TRY(look_at_tmp());
    if (queue_.state()) TRY(look_at_states(*queue_.state()));
    return tell_(end_answer(messages_, findings_));
  }

 private:
  Status find(std::string_view id, std::string text) {
    ++findings_;
    return tell_({DeskAnswer::Kind::finding, {std::string{id}, std::move(text)}, {}});
  }

  Status look_at_todo() {
    Directory const todo = TRY(queue_.queue().open_directory("todo"));
    for (unsigned number = 0; number < QueueId::directories; ++number) {
      std::string const name = QueueId::directory_name(number);
      auto const part = todo.open_directory(name);
      if (!part && is_missing(part.error())) {
        TRY(find({}, "queue/todo/" + name + ": not there"));
        continue;
      }
      for (const std::string& file : TRY(TRY(todo.open_directory(name)).names())) {
        auto const id = QueueId::parse(Wire{file});
        if (id && id->directory() == name)
          TRY(look_at({*id, QueuePlace::todo}));
        else
          TRY(find({}, "queue/todo/" + name + "/" + file + ": no queue ID, or not one of this directory"));
      }
    }
    return Done{};
  }

  Status look_at(const QueueEntry& entry) {
    auto const message = queue_.read(entry);
    if (!message) return Done{};  // delivered meanwhile
    ++messages_;
    std::string_view const id = entry.id.view();
    if (message->file.is_open()) TRY(look_at_file(*message));
    if (message->bytes == 0 && message->file.is_open())
      return find(id, "it is empty: withdrawn, and to be removed by queue-send");
    if (!message->problem.empty()) TRY(find(id, message->problem));
    if (!message->envelope) return Done{};
    TRY(look_at_bytes(*message));
    return message->state ? look_at_state(*message) : Status{Done{}};
  }

  Status look_at_file(const QueuedMessage& message) {
    struct stat status {};
    if (fstat(message.file.number(), &status) != 0) return system_error("stat a queue file");
    if (!S_ISREG(status.st_mode)) return find(message.entry.id.view(), "it is not a file");
    if (status.st_uid != queue_owner_) TRY(find(message.entry.id.view(), "it belongs to the user " + decimal(status.st_uid)));
    if (status.st_mode & of_others) TRY(find(message.entry.id.view(), "everybody may read or change it"));
    return Done{};
  }

  Status look_at_bytes(const QueuedMessage& message) {
    std::uint32_t checksum = 0;
    std::uint64_t at = 0;
    for (std::uint64_t left = message.frame.message_length; left > 0; left -= room_.size(), at += room_.size()) {
      room_.resize(std::min<std::uint64_t>(left, piece));
      TRY(pread_exactly(message.file.number(), room_, static_cast<off_t>(Frame::size + at)));
      checksum = crc32c(checksum, room_);
    }
    if (checksum == message.frame.message_crc) return Done{};
    return find(message.entry.id.view(), "the message's checksum is wrong, so it will not be delivered");
  }

  Status look_at_state(const QueuedMessage& message) {
    for (const auto& [index, known] : message.state->recipients)
      if (index >= message.envelope->recipients.size())
        TRY(find(message.entry.id.view(), "its state speaks of recipient " + decimal(index) + ", and it has only " +
                                              decimal(message.envelope->recipients.size())));
    return Done{};
  }

  Status look_at_broken() {
    for (const std::string& name : TRY(TRY(queue_.queue().open_directory("broken")).names())) {
      auto const id = QueueId::parse(Wire{name});
      auto const message = id ? queue_.read({*id, QueuePlace::broken}) : std::nullopt;
      if (id && !message) continue;
      std::string const why = !id ? "no queue ID" : message->problem.empty() ? "it is whole now" : message->problem;
      TRY(find(id ? id->view() : std::string_view{}, "queue/broken/" + name + ": " + why));
    }
    return Done{};
  }

  Status look_at_tmp() {
    Directory const tmp = TRY(queue_.queue().open_directory("tmp"));
    auto const now = std::chrono::duration_cast<Seconds>(wall_now().time_since_epoch());
    for (const std::string& name : TRY(tmp.names())) {
      auto const status = tmp.status_of(name);
      if (!status) continue;
      if (Seconds{status->st_mtim.tv_sec} + oldest_unfinished < now)
        TRY(find({}, "queue/tmp/" + name + ": unfinished for more than 36 hours, and not removed"));
    }
    return Done{};
  }

  Status look_at_states(const Directory& state) {
    std::vector<QueueId> alone;
    for (unsigned number = 0; number < QueueId::directories; ++number) {
      std::string const name = QueueId::directory_name(number);
      auto const part = state.open_directory(name);
      if (!part && is_missing(part.error())) continue;
      if (!part) return part.error();
      for (const std::string& file : TRY(part->names())) {
        auto const id = QueueId::parse(Wire{file});
        if (!id || id->directory() != name)
          TRY(find({}, "state/" + name + "/" + file + ": no queue ID, or not one of this directory"));
        else if (!has_message(*id))
          alone.push_back(*id);
      }
    }
    return look_again_at(alone, state);
  }

  bool has_message(const QueueId& id) const { return queue_.read({id, QueuePlace::todo}).has_value(); }

  // A state goes right after its message.
  Status look_again_at(std::vector<QueueId> alone, const Directory& state) {
    for (int look = 0; look < looks && !alone.empty(); ++look) {
      std::erase_if(alone, [&](const QueueId& id) {
        auto const status = state.status_of(id.directory() + "/" + id.text());
        return (!status && is_missing(status.error())) || has_message(id);
      });
      if (!alone.empty()) poll(nullptr, 0, between_looks);
    }
    for (const QueueId& id : alone) TRY(find(id.view(), "a state without its message; queue-send removes it when it starts"));
    return Done{};
  }

  const QueueView& queue_;
  const Tell& tell_;
  uid_t queue_owner_ = 0;
  std::string room_;
  std::uint64_t messages_ = 0, findings_ = 0;
};

}  // namespace

Status verify(const QueueView& queue, const Tell& tell) { return Verifier{queue, tell}.run(); }

}  // namespace postern
