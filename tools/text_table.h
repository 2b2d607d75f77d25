// text_table - rows of text in aligned columns, for people; safe to show on a terminal
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern {

class TextTable {
 public:
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Control characters, and every byte that is not UTF-8, become '?'.
std::string printable(std::string_view text);

}  // namespace postern
