// wire - bytes that someone else chose
//
// A view: it owns nothing, and what it looks at must outlive it (so it cannot be made from a temporary string).
// Its only use is T::parse(Wire), the one door from foreign bytes to a type that is always valid.
#pragma once

#include <string>
#include <string_view>

namespace postern {

class Wire {
 public:
  explicit constexpr Wire(std::string_view bytes) : bytes_(bytes) {}
  explicit constexpr Wire(const char* literal) : bytes_(literal) {}
  explicit Wire(const std::string& bytes) : bytes_(bytes) {}
  explicit Wire(std::string&&) = delete;

  constexpr std::string_view bytes() const { return bytes_; }
  constexpr std::size_t size() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
};

}  // namespace postern
