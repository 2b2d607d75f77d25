#include "pop3d/line_peeker.h"

#include <sys/socket.h>

#include <array>

#include "lib/core/wipe.h"
#include "lib/os/io.h"

namespace postern {

LinePeeker::~LinePeeker() { wipe(line_); }

Result<std::optional<Wire>> LinePeeker::next(std::size_t most, Deadline deadline) {
  wipe(line_);
  line_.reserve(most + 1);
  std::array<char, 1024> room;
  while (line_.size() < most) {
    TRY(wait_readable(socket_, deadline));
    std::size_t const wanted = most - line_.size() < room.size() ? most - line_.size() : room.size();
    ssize_t const peeked = recv(socket_, room.data(), wanted, MSG_PEEK | MSG_DONTWAIT);
    if (peeked < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (peeked < 0) return system_error("read from the client");
    if (peeked == 0) return std::optional<Wire>{};
    std::string_view const there{room.data(), static_cast<std::size_t>(peeked)};
    std::size_t const end = there.find('\n');
    std::size_t const own = end == std::string_view::npos ? there.size() : end + 1;
    TRY(read_exactly(socket_, std::span{room}.first(own), deadline));
    line_.append(room.data(), own);
    if (end != std::string_view::npos) return std::optional{Wire{line_}};
  }
  return permanent("a line that is too long");
}

bool LinePeeker::has_more() const {
  char first;
  return recv(socket_, &first, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

}  // namespace postern
