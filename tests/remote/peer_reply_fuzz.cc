// Fuzz target of what another host answers: any bytes. A reply that is made of them is harmless, ends where it is found to end
// however it comes in, and its text is a reply again.
#include <cstdint>
#include <cstdlib>

#include "lib/core/ascii.h"
#include "remote/peer_features.h"
#include "remote/peer_reply.h"

using namespace postern;

namespace {

void require(bool holds) {
  if (!holds) abort();
}

void check(const PeerReply& reply) {
  require(reply.code() >= 200 && reply.code() < 600);
  require(!reply.lines().empty() && reply.lines().size() <= most_reply_lines);
  for (const std::string& line : reply.lines()) {
    require(is_valid_utf8(line) && line.size() <= longest_reply_line);
    for (char const c : line) require(!is_control(c));
  }
  require(reply.text().size() <= 400 && is_valid_utf8(reply.text()));
  require(reply.status()[0] == reply.text()[0] || reply.code() / 100 == 3);
  std::string const line = reply.text() + "\r\n";
  auto const again = PeerReply::parse(Wire{line});
  require(again && again->code() == reply.code());
  PeerFeatures const features = PeerFeatures::from(reply);
  require(!features.has_utf8 || features.has_eight_bit);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view const bytes{reinterpret_cast<const char*>(data), size};
  ReplyEnd at_once;
  auto const end = at_once.find_in(bytes);
  ReplyEnd piecemeal;
  for (std::size_t cut = 0;; ++cut) {
    auto const found = piecemeal.find_in(bytes.substr(0, cut));
    if (!found) {
      require(!end);
      break;
    }
    if (*found != 0 || cut == size) {
      require(end && *end == *found);
      break;
    }
  }
  if (auto const reply = PeerReply::parse(Wire{bytes})) check(*reply);
  if (end && *end != 0)
    if (auto const reply = PeerReply::parse(Wire{bytes.substr(0, *end)})) check(*reply);
  return 0;
}
