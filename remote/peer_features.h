// peer_features - what another host's SMTP server says it can do: the lines behind EHLO (RFC 5321 §4.1.1.1)
#pragma once

#include <cstdint>

#include "remote/peer_reply.h"

namespace postern {

struct PeerFeatures {
  bool has_pipelining = false;  // RFC 2920
  bool has_eight_bit = false;   // RFC 6152
  bool has_utf8 = false;        // RFC 6531; only beside 8BITMIME, which it must stand beside
  bool has_dsn = false;         // RFC 3461
  bool has_chunking = false;    // RFC 3030
  bool has_size = false;        // RFC 1870
  std::uint64_t largest = 0;    // bytes of a message; 0: it does not say
  bool has_starttls = false;    // RFC 3207
  bool has_auth_plain = false;  // RFC 4954, RFC 4616
  bool has_auth_login = false;

  static PeerFeatures from(const PeerReply& ehlo);
  friend bool operator==(const PeerFeatures&, const PeerFeatures&) = default;
};

}  // namespace postern
