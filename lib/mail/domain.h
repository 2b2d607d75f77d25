// domain - the right side of an address (RFC 5321 §4.1.2, RFC 6531 §3.3, address literals §4.1.3)
//
// A Domain that exists is valid: 1 to 255 bytes, labels of 1 to 63 bytes, letters in lower case. It is a host name of
// ASCII labels, or of UTF-8 labels (U-labels as the client sent them), or an address literal with its brackets.
#pragma once

#include <string>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

class Domain {
 public:
  static Result<Domain> parse(Wire text);

  const std::string& text() const { return text_; }
  bool is_literal() const { return text_.front() == '['; }
  bool is_ascii() const;
  friend bool operator==(const Domain&, const Domain&) = default;

 private:
  explicit Domain(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace postern
