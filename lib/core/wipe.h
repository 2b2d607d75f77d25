// wipe - so that what was secret is not found in memory afterwards
//
// A string that grows leaves copies where it was: reserve its room before a secret is put into it.
#pragma once

#include <string>

namespace postern {

void wipe(std::string& text);  // all of its room becomes zero, and it is empty
// What calls that have returned left behind on the stack: 32 KiB below the caller.
void wipe_stack();

// Wipes it when it goes out of scope.
class Wiped {
 public:
  explicit Wiped(std::string& text) : text_(text) {}
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() { wipe(text_); }

 private:
  std::string& text_;
};

}  // namespace postern
