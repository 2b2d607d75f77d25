// LineReader on any bytes, in any pieces, mixing lines and bulk: what it gives is what went in, in order.
//
// The first byte chooses the longest line, the second how much of a piece is taken as bulk (0: none).
#include "lib/net/line_reader.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>

#include "lib/os/socket.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 2 || size > 60'000) return 0;  // the whole of it fits into a socket
  std::size_t const most = 1 + data[0];
  std::size_t const bulk = data[1];
  std::string_view rest{reinterpret_cast<const char*>(data + 2), size - 2};
  auto ends = stream_pair();
  if (!ends) return 0;
  if (!rest.empty() && write(ends->first.number(), rest.data(), rest.size()) != static_cast<ssize_t>(rest.size())) return 0;
  ends->first.close();
  static auto const reader = std::make_unique<LineReader>(100);  // on one number, since it is large
  dup2(ends->second.number(), 100);
  reader->forget();
  for (bool takes_bulk = false;; takes_bulk = !takes_bulk && bulk > 0) {
    if (takes_bulk) {
      auto const some = reader->some(Deadline::in(1s));
      if (!some) abort();
      if (some->empty()) break;
      std::size_t const taken = std::min(bulk, some->size());
      if (!rest.starts_with(some->substr(0, taken))) abort();
      rest.remove_prefix(taken);
      reader->consume(taken);
      continue;
    }
    auto const line = reader->next(most, Deadline::in(1s));
    if (!line) abort();
    if (!*line) {
      if (rest.find('\n') != std::string_view::npos) abort();
      break;
    }
    std::size_t const length = rest.find('\n') + 1;
    std::string_view const bytes = (*line)->bytes.bytes();
    if (length == 0 || (*line)->was_cut != (length > most) || bytes != rest.substr(0, std::min(most, length))) abort();
    rest.remove_prefix(length);
  }
  return 0;
}
