// control_lines - a list of control/ as its operator keeps it: values come and go, comments, blanks and order stay
//
// Whoever changes one holds the lock of users/ (tools/user_store.h) from reading to saving.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "lib/core/result.h"
#include "lib/os/directory.h"

namespace postern {

class ControlLines {
 public:
  static Result<ControlLines> read(const Directory& control, std::string name);  // a missing file is an empty one
  Status save(const Directory& control) const;                                   // replaced as a whole, and lasting

  bool is_there() const { return is_there_; }
  std::vector<std::string_view> values() const;  // valid until the next change
  void add(std::string_view value) { lines_.emplace_back(value); }
  // Every value that `is` says so of. False: there was none.
  template <class Is>
  bool remove(Is is) {
    return std::erase_if(lines_, [&](const std::string& line) { return is_value(line) && is(value_of(line)); }) != 0;
  }

 private:
  explicit ControlLines(std::string name) : name_(std::move(name)) {}
  static std::string_view value_of(std::string_view line);
  static bool is_value(std::string_view line);

  std::string name_;
  std::vector<std::string> lines_;
  bool is_there_ = false;
};

}  // namespace postern
