#include "lib/mail/checkers.h"

#include "lib/core/ascii.h"
#include "lib/mail/domain.h"

namespace postern {
namespace {

constexpr std::size_t most_words = 32;

std::string_view take_word(std::string_view& rest) {
  rest = trimmed(rest);
  std::size_t end = 0;
  while (end < rest.size() && !is_blank(rest[end])) ++end;
  std::string_view const word = rest.substr(0, end);
  rest = trimmed(rest.substr(end));
  return word;
}

}  // namespace

Result<Checker> Checker::parse(Wire line) {
  std::string_view rest = line.bytes();
  for (char const c : rest)
    if (is_control(c) && c != '\t') return permanent("control/checkers: a control character");
  Checker checker;
  std::string_view const whom = take_word(rest);
  if (whom == "@") {
    checker.for_ = For::without_domain;
  } else if (whom.starts_with('@')) {
    checker.for_ = For::domain;
    Domain const domain = TRY(Domain::parse(Wire{whom.substr(1)}));
    checker.domain_ = domain.text();
  } else if (whom != "*") {
    return permanent("control/checkers: a line begins with *, @ or @domain");
  }
  while (!rest.empty()) {
    if (checker.words_.size() == most_words) return permanent("control/checkers: more than 32 words");
    checker.words_.emplace_back(take_word(rest));
  }
  if (checker.words_.empty()) return permanent("control/checkers: a line without a program");
  if (checker.is_shadow() && checker.words_.size() > 1) return permanent("control/checkers: words behind shadow");
  if (!checker.is_shadow() && !checker.words_.front().starts_with('/'))
    return permanent("control/checkers: write the whole path of a program");
  return checker;
}

bool Checker::is_for(const Login& login) const {
  switch (for_) {
    case For::all:
      return true;
    case For::without_domain:
      return !login.is_virtual();
    case For::domain:
      return login.is_virtual() && login.domain() == domain_;
  }
  return false;
}

Result<std::vector<Checker>> parse_checkers(const std::vector<std::string>& lines) {
  std::vector<Checker> checkers;
  for (const std::string& line : lines) checkers.push_back(TRY(Checker::parse(Wire{line})));
  return checkers;
}

}  // namespace postern
