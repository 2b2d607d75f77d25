// secret_word - a password: in one place of the heap, never copied, wiped when it goes
#pragma once

#include <string.h>

#include <memory>
#include <string_view>
#include <utility>

namespace postern {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view bytes) : room_(new char[bytes.size() + 1]), length_(bytes.size()) {
    bytes.copy(room_.get(), length_);
    room_[length_] = '\0';
  }
  Secret(Secret&& other) noexcept : room_(std::move(other.room_)), length_(std::exchange(other.length_, 0)) {}
  Secret& operator=(Secret&& other) noexcept {
    wipe();
    room_ = std::move(other.room_);
    length_ = std::exchange(other.length_, 0);
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(); }

  std::string_view bytes() const { return {room_.get(), length_}; }
  void wipe() {
    if (room_) explicit_bzero(room_.get(), length_);
    length_ = 0;
  }

 private:
  std::unique_ptr<char[]> room_;
  std::size_t length_ = 0;
};

}  // namespace postern
