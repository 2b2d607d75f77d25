// response_writer - what goes to the client, kept until it is much or until the moment of waiting (RFC 2449 §6.6)
#pragma once

#include <string>
#include <string_view>

#include "lib/core/clock.h"
#include "lib/core/result.h"

namespace postern {

class ResponseWriter {
 public:
  explicit ResponseWriter(int fd) : fd_(fd) {}

  void line(std::string_view text);  // and CRLF
  std::string& waiting() { return waiting_; }
  // Keep less than this: whoever adds much calls flush_if_large between.
  Status flush_if_large();
  Status flush();

 private:
  static constexpr std::size_t large = 65536;
  static constexpr Milliseconds patience = 10min;  // for each piece; RFC 1939 §3 has as much for commands
  int fd_;
  std::string waiting_;
};

}  // namespace postern
