// control - the operator's settings: one small file each in control/ (settings.h lists them)
//
// A number is decimal and within its bounds, a line is the file's first line without blanks at its ends, a list is one
// value a line. A file that is there and wrong is an error that names it: never a silent default.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/core/result.h"
#include "lib/os/directory.h"
#include "lib/os/settings.h"

namespace postern {

class Control {
 public:
  static Result<Control> open();  // control/ below the current directory
  static Result<Control> open(const std::string& path);

  template <Name name>
  Result<std::uint64_t> number() const {
    constexpr const Setting& setting = setting_of(name.view());
    static_assert(setting.kind == Kind::number);
    return read_number(setting);
  }
  template <Name name>
  Result<std::optional<std::string>> line() const {
    constexpr const Setting& setting = setting_of(name.view());
    static_assert(setting.kind == Kind::line);
    return read_line(setting.name, Empty::is_wrong);
  }
  // A line that may be empty, where that means something.
  template <Name name>
  Result<std::optional<std::string>> line_or_nothing() const {
    constexpr const Setting& setting = setting_of(name.view());
    static_assert(setting.kind == Kind::line);
    return read_line(setting.name, Empty::is_a_value);
  }
  // No file is no list; an empty file is an empty list.
  template <Name name>
  Result<std::optional<std::vector<std::string>>> list() const {
    constexpr const Setting& setting = setting_of(name.view());
    static_assert(setting.kind == Kind::list);
    return read_list(setting.name);
  }
  Result<std::string> me() const;  // this host's name; an error that says what to do when there is none

  const Directory& directory() const { return directory_; }

 private:
  enum class Empty : unsigned char { is_wrong, is_a_value };
  explicit Control(Directory directory) : directory_(std::move(directory)) {}
  Result<std::optional<std::string>> read_file(std::string_view name) const;
  Result<std::uint64_t> read_number(const Setting& setting) const;
  Result<std::optional<std::string>> read_line(std::string_view name, Empty empty) const;
  Result<std::optional<std::vector<std::string>>> read_list(std::string_view name) const;

  Directory directory_;
};

}  // namespace postern
