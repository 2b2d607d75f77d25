// domain_values - a setting that may be another for some destinations
//
// A list's lines: one value without a name is for all; name:value is for one destination of mail to other hosts (a domain,
// [address], or relay.example:587), .name:value for all domains below a name; the longest name that fits counts.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/core/ascii.h"
#include "lib/core/result.h"

namespace postern {

template <class T>
class DomainValues {
 public:
  explicit DomainValues(T usual) : usual_(std::move(usual)) {}

  void set(T usual) { usual_ = std::move(usual); }
  void set(std::string_view name, T value) { special_.insert_or_assign(to_lower(name), std::move(value)); }

  const T& usual() const { return usual_; }
  const T& of(std::string_view destination) const {
    if (special_.empty()) return usual_;
    std::string key{destination.substr(0, destination.find(' '))};  // a relay's user does not count
    if (auto const found = special_.find(key); found != special_.end()) return found->second;
    if (key.find(':') != std::string::npos) return usual_;
    for (std::size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.')) {
      key.erase(0, dot);
      if (auto const found = special_.find(key); found != special_.end()) return found->second;
      key.erase(0, 1);
    }
    return usual_;
  }

 private:
  T usual_;
  std::unordered_map<std::string, T> special_;
};

// A line in two at its last colon; no name: the value is for all.
struct NamedValue {
  std::string_view name, value;
};
inline NamedValue split_named_value(std::string_view line) {
  std::size_t const colon = line.rfind(':');
  if (colon == std::string_view::npos) return {{}, line};
  return {trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1))};
}

}  // namespace postern
