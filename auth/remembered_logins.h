// remembered_logins - successes of the last ten minutes, as HMAC(random key, login, service, proof): no hash is made for them
//
// The key lives in this process only. What is remembered says nothing about a password to who has not both.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "lib/core/clock.h"

namespace postern {

class RememberedLogins {
 public:
  static constexpr Milliseconds kept = 10min;
  static constexpr std::size_t most = 10'000;  // then the oldest goes

  explicit RememberedLogins(std::string key) : key_(std::move(key)) {}
  // `proof`: a password, or what is as good as one; `kind` keeps the two apart.
  // Gives what `as` was; nothing: it is not remembered.
  std::optional<std::string> find(char kind, std::string_view login, std::string_view service, std::string_view proof,
                                  Milliseconds now) const;
  void add(char kind, std::string_view login, std::string_view service, std::string_view proof, std::string_view as,
           Milliseconds now);
  void forget();
  std::size_t size() const { return successes_.size(); }

 private:
  std::string digest(char kind, std::string_view login, std::string_view service, std::string_view proof) const;

  std::string key_;
  struct Success {
    Milliseconds until;
    std::string as;
  };
  std::unordered_map<std::string, Success> successes_;
  std::deque<std::string> order_;  // as they were added: each digest once
};

}  // namespace postern
