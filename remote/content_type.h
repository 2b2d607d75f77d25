// content_type - the Content-Type field of a message or of a part of one (RFC 2045 §5), as far as its structure needs it
#pragma once

#include <string>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

constexpr std::size_t longest_boundary = 70;  // RFC 2046 §5.1.1

struct ContentType {
  std::string type = "text";  // lower case
  std::string subtype = "plain";
  std::string boundary;  // of multipart; empty where none is given, or one that cannot be

  // The unfolded body of the field. An error: it is no type/subtype, and counts as text/plain (RFC 2045 §5.2).
  static Result<ContentType> parse(Wire body);

  bool is_multipart() const { return type == "multipart"; }
  bool is_signed() const { return is_multipart() && subtype == "signed"; }  // RFC 1847
  bool is_message() const { return type == "message" && (subtype == "rfc822" || subtype == "global"); }
  bool is_fixed() const {
    return type == "message" && (subtype == "partial" || subtype == "external-body");
  }  // RFC 2046 §5.2.2, §5.2.3
};

}  // namespace postern
