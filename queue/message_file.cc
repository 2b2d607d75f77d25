#include "queue/message_file.h"

#include <unistd.h>

#include <utility>

#include "lib/core/crc32c.h"
#include "lib/os/io.h"

namespace postern {
namespace {

constexpr mode_t queue_file_mode = 0640;  // queue-send reads it by its group
constexpr int most_names_tried = 10;

}  // namespace

Result<MessageFile> MessageFile::create(const Directory& tmp) {
  for (int tried = 1;; ++tried) {
    QueueId const id = TRY(QueueId::fresh(wall_now()));
    auto file = tmp.create_file(id.text(), queue_file_mode);
    if (file) return MessageFile{tmp, id, *std::move(file)};
    if (file.error().number() != EEXIST || tried == most_names_tried) return std::move(file).error();
  }
}

MessageFile::MessageFile(MessageFile&& other) noexcept
    : tmp_(std::exchange(other.tmp_, nullptr)), id_(other.id_), file_(std::move(other.file_)), frame_(other.frame_) {}

MessageFile::~MessageFile() {
  // A name in tmp/ that cannot be removed now is swept by queue-clean.
  if (tmp_) static_cast<void>(tmp_->unlink(id_.text()).has_value());
}

Status MessageFile::add(std::string_view bytes) {
  TRY(pwrite_all(file_.number(), bytes, static_cast<off_t>(Frame::size + frame_.message_length)));
  frame_.message_crc = crc32c(frame_.message_crc, bytes);
  frame_.message_length += bytes.size();
  return Done{};
}

Status MessageFile::commit(const Directory& todo, const std::string& envelope) {
  frame_.envelope_length = static_cast<std::uint32_t>(envelope.size());
  frame_.envelope_crc = crc32c(0, envelope);
  TRY(pwrite_all(file_.number(), envelope, static_cast<off_t>(Frame::size + frame_.message_length)));
  TRY(pwrite_all(file_.number(), frame_.encoded(), 0));
  TRY(tmp_->link(id_.text(), todo, id_.directory() + "/" + id_.text()));  // visible: queue-send may see it, the client not yet
  if (auto synced = sync_file(file_.number()); !synced) {                 // name and bytes survive a power cut
    if (ftruncate(file_.number(), 0) != 0) return system_error("withdraw", id_.view());
    return std::move(synced).error();
  }
  return Done{};
}

}  // namespace postern
