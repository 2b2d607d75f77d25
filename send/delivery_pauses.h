// delivery_pauses - what operators have told queue-send not to deliver: all, local, remote, or one domain; kept in state/pauses
//
// The file is text, appended to: `paused WHAT TIME UID` and `resumed WHAT TIME UID`, TIME in seconds since 1970, UID of the
// operator. WHAT is "all", "local", "remote" or "@" and a domain. What follows the last LF was not written whole.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

// What is paused: one of the words or a domain with "@" in front, in lower case.
class PauseScope {
 public:
  static Result<PauseScope> parse(Wire text);  // a domain may come without "@", unless it is one of the words
  const std::string& text() const { return text_; }

 private:
  explicit PauseScope(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

struct Pause {
  std::int64_t time;
  std::uint32_t uid;
};

class Pauses {
 public:
  static Result<Pauses> parse(Wire file);

  bool add(const PauseScope& scope, Pause pause);  // false: it was so
  bool end(const PauseScope& scope);               // likewise
  bool stops_local() const { return has("all") || has("local"); }
  bool stops_remote() const { return has("all") || has("remote"); }
  bool has_domains() const { return domains_ > 0; }
  bool stops_domain(const std::string& domain) const { return domains_ > 0 && has("@" + domain); }
  const std::map<std::string, Pause>& all() const { return pauses_; }
  std::size_t whole_length() const { return whole_length_; }  // of the file that was parsed: where the next line belongs

 private:
  bool has(const std::string& text) const { return pauses_.contains(text); }
  Status take_line(std::string_view line);
  std::map<std::string, Pause> pauses_;
  std::size_t domains_ = 0;
  std::size_t whole_length_ = 0;
};

std::string paused_line(const PauseScope& scope, Pause pause);
std::string resumed_line(const PauseScope& scope, Pause pause);

}  // namespace postern
