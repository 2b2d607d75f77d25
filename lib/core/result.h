// result - a value, or why there is none
//
// Error answers the one question the mail world asks of a failure: will it pass (Fate::temporary, 4xx, exit 111, retry)
// or is it for good (Fate::permanent, 5xx, exit 100, bounce)? It holds a literal that says what failed, the name of the
// thing it failed on (cut at 95 bytes), and an errno where a system call failed. No allocation, so it can say "out of memory".
// Member names are std::expected's.
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace postern {

enum class Fate : unsigned char { temporary, permanent };

class [[nodiscard]] Error {
 public:
  // `what` must be a literal (or live for ever): the template takes arrays only, so a temporary string cannot get in.
  template <std::size_t N>
  Error(Fate fate, const char (&what)[N], std::string_view where = {}, int number = 0)
      : what_(what, N - 1), number_(number), fate_(fate) {
    std::size_t const length = where.size() < where_.size() ? where.size() : where_.size() - 1;
    where.copy(where_.data(), length);
    where_length_ = static_cast<unsigned char>(length);
  }

  Fate fate() const { return fate_; }
  bool is_permanent() const { return fate_ == Fate::permanent; }
  std::string_view what() const { return what_; }
  std::string_view where() const { return {where_.data(), where_length_}; }
  int number() const { return number_; }  // errno, or 0
  std::string text() const;               // "open control/me: No such file or directory"

 private:
  std::string_view what_;
  int number_;
  Fate fate_;
  unsigned char where_length_ = 0;
  std::array<char, 96> where_{};
};

template <std::size_t N>
Error permanent(const char (&what)[N], std::string_view where = {}) {
  return Error{Fate::permanent, what, where};
}
template <std::size_t N>
Error temporary(const char (&what)[N], std::string_view where = {}) {
  return Error{Fate::temporary, what, where};
}
// A system call that failed: errno is taken now, before anything can change it.
template <std::size_t N>
Error system_error(const char (&what)[N], std::string_view where = {}) {
  return Error{Fate::temporary, what, where, errno};
}

struct Done {};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}
  template <class U = T>
    requires(!std::is_same_v<std::remove_cvref_t<U>, Error> && !std::is_same_v<std::remove_cvref_t<U>, Result> &&
             std::is_constructible_v<T, U &&>)
  Result(U&& value) : content_(std::in_place_index<0>, std::forward<U>(value)) {}

  bool has_value() const { return content_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& operator*() & { return std::get<0>(content_); }
  const T& operator*() const& { return std::get<0>(content_); }
  T&& operator*() && { return std::get<0>(std::move(content_)); }
  T* operator->() { return &std::get<0>(content_); }
  const T* operator->() const { return &std::get<0>(content_); }
  const Error& error() const& { return std::get<1>(content_); }
  Error&& error() && { return std::get<1>(std::move(content_)); }

 private:
  std::variant<T, Error> content_;
};

using Status = Result<Done>;

}  // namespace postern

// The value, or leave this function with the error. The only macro that hides a return. Each use names its variable
// anew, so that one TRY may stand inside another.
#define POSTERN_TRY(expression, result)             \
  __extension__({                                   \
    auto result = (expression);                     \
    if (!result) return std::move(result).error();  \
    *std::move(result);                             \
  })
#define POSTERN_JOIN_AGAIN(a, b) a##b
#define POSTERN_JOIN(a, b) POSTERN_JOIN_AGAIN(a, b)
#define TRY(expression) POSTERN_TRY(expression, POSTERN_JOIN(try_result_, __COUNTER__))
