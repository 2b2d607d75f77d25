// fd - one open file descriptor, owned: closed exactly once
#pragma once

#include <utility>

namespace postern {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int number) : number_(number) {}
  Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { close(); }

  bool is_open() const { return number_ >= 0; }
  int number() const { return number_; }
  int release() { return std::exchange(number_, -1); }
  void close();  // errors of close are not interesting: whoever needs durability calls sync_file first

 private:
  int number_ = -1;
};

}  // namespace postern
