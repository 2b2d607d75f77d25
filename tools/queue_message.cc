#include "tools/queue_message.h"

#include <algorithm>

#include "lib/os/io.h"

namespace postern {
namespace {

// Names that are no IDs are not ours.
void add_entries(std::vector<QueueEntry>& entries, const std::vector<std::string>& names, QueuePlace place) {
  for (const std::string& name : names)
    if (auto const id = QueueId::parse(Wire{name})) entries.push_back(QueueEntry{*id, place});
}

Status read_message(QueuedMessage& message) {
  struct stat const status = TRY([&]() -> Result<struct stat> {
    struct stat found {};
    if (fstat(message.file.number(), &found) != 0) return system_error("stat a queue file");
    return found;
  }());
  message.bytes = static_cast<std::uint64_t>(status.st_size);
  QueueFile const file = TRY(read_queue_file(message.file.number()));
  message.frame = file.frame;
  message.envelope = TRY(Envelope::parse(Wire{file.envelope_text}));
  return Done{};
}

}  // namespace

const RecipientState* QueuedMessage::state_of(std::size_t recipient) const {
  if (!state) return nullptr;
  auto const found = state->recipients.find(static_cast<std::uint32_t>(recipient));
  return found == state->recipients.end() ? nullptr : &found->second;
}

std::string_view QueuedMessage::word_of(std::size_t recipient) const {
  if (!state) return "unknown";
  const RecipientState* const found = state_of(recipient);
  if (!found) return "pending";
  switch (found->word) {
    case StateWord::delivered:
      return "delivered";
    case StateWord::relayed:
    case StateWord::passed:
      return "relayed";
    case StateWord::deferred:
    case StateWord::delayed:
      return "deferred";
    case StateWord::failed:
    case StateWord::bounced:
      return "failed";
    default:
      break;  // not a recipient's
  }
  return "unknown";
}

Result<QueueView> QueueView::open() {
  Directory queue = TRY(Directory::open("queue"));
  auto state = Directory::open("state");
  if (state) return QueueView{std::move(queue), *std::move(state)};
  if (state.error().number() != EACCES) return state.error();
  return QueueView{std::move(queue), std::nullopt};
}

Result<std::vector<QueueEntry>> QueueView::entries() const {
  std::vector<QueueEntry> entries;
  Directory const todo = TRY(queue_.open_directory("todo"));
  for (unsigned number = 0; number < QueueId::directories; ++number) {
    auto const part = todo.open_directory(QueueId::directory_name(number));
    if (part)
      add_entries(entries, TRY(part->names()), QueuePlace::todo);
    else if (!is_missing(part.error()))
      return part.error();
  }
  std::sort(entries.begin(), entries.end(), [](const QueueEntry& a, const QueueEntry& b) { return a.id < b.id; });
  auto const broken = queue_.open_directory("broken");
  if (broken)
    add_entries(entries, TRY(broken->names()), QueuePlace::broken);
  else if (!is_missing(broken.error()))
    return broken.error();
  return entries;
}

Result<std::optional<DeliveryState>> QueueView::read_state(const QueueId& id) const {
  if (!state_) return std::optional<DeliveryState>{};
  auto const part = state_->open_directory(id.directory());
  auto const file = part ? part->open_file(id.text()) : Result<Fd>{part.error()};
  if (!file) {
    if (is_missing(file.error())) return std::optional{DeliveryState{}};
    return file.error();
  }
  std::string const text = TRY(read_all(file->number(), state_file_most));
  return std::optional{TRY(DeliveryState::parse(Wire{text}))};
}

Result<Fd> QueueView::open_file(const QueueEntry& entry) const {
  Directory directory = TRY(queue_.open_directory(entry.place == QueuePlace::broken ? "broken" : "todo"));
  if (entry.place == QueuePlace::todo) directory = TRY(directory.open_directory(entry.id.directory()));
  return directory.open_file(entry.id.text());
}

std::optional<QueuedMessage> QueueView::read(const QueueEntry& entry) const {
  auto file = open_file(entry);
  if (!file && is_missing(file.error())) return std::nullopt;
  QueuedMessage message{.entry = entry, .file = {}, .frame = {}, .envelope = {}, .state = {}, .problem = {}};
  if (file) message.file = *std::move(file);
  Status const read = file ? read_message(message) : file.error();
  if (!read) message.problem = read.error().text();
  auto state = read_state(entry.id);
  if (state)
    message.state = *std::move(state);
  else
    message.problem = state.error().text();
  return message;
}

std::optional<QueuedMessage> QueueView::find(const QueueId& id) const {
  for (QueuePlace const place : {QueuePlace::todo, QueuePlace::broken})
    if (auto message = read(QueueEntry{id, place})) return message;
  return std::nullopt;
}

}  // namespace postern
