// tool_words - the words behind a tool's name, one after the other
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/core/result.h"
#include "lib/os/program.h"

namespace postern {

// --dir DIR is understood in any place; else POSTERN_DIR counts, else /var/postern.
class ToolWords {
 public:
  static Result<ToolWords> read(const Args& args);

  const std::string& directory() const { return directory_; }
  std::string_view first() const { return words_.empty() ? std::string_view{} : words_.front(); }
  bool is_empty() const { return at_ == words_.size(); }
  std::string_view first_left() const { return is_empty() ? std::string_view{} : words_[at_]; }
  std::string_view next() { return is_empty() ? std::string_view{} : words_[at_++]; }
  Result<std::string_view> value_of(std::string_view option);  // the word behind an option

 private:
  std::vector<std::string_view> words_;
  std::size_t at_ = 0;
  std::string directory_;
};

// Makes it the current directory and gives its absolute path.
Result<std::string> enter_directory(const std::string& directory);

}  // namespace postern
