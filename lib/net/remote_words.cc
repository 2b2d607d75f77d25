#include "lib/net/remote_words.h"

#include "lib/core/ascii.h"
#include "lib/mail/domain.h"

namespace postern {
namespace {

constexpr std::string_view said = " said: ";
constexpr std::string_view in_vain = "4.4.7 given up, too long in the queue; the last try: ";

// RFC 3463 §2: class "." subject "." detail
bool is_status(std::string_view text) {
  if (text.size() < 5 || text.size() > 9 || (text[0] != '2' && text[0] != '4' && text[0] != '5') || text[1] != '.') return false;
  std::size_t const dot = text.find('.', 2);
  if (dot == std::string_view::npos) return false;
  auto const is_number = [](std::string_view digits) {
    if (digits.empty() || digits.size() > 3) return false;
    for (char const c : digits)
      if (!is_digit(c)) return false;
    return true;
  };
  return is_number(text.substr(2, dot - 2)) && is_number(text.substr(dot + 1));
}

}  // namespace

std::string RemoteReply::text() const {
  std::string line = status + ' ' + host + '[' + address.text() + ']';
  line += said;
  return line += reply;
}

std::optional<RemoteReply> RemoteReply::parse(Wire wire) {
  std::string_view const text = wire.bytes();
  std::size_t const blank = text.find(' ');
  if (blank == std::string_view::npos || !is_status(text.substr(0, blank))) return std::nullopt;
  std::size_t const behind_names = text.find(' ', blank + 1);
  if (behind_names == std::string_view::npos || !text.substr(behind_names).starts_with(said)) return std::nullopt;
  std::string_view const names = text.substr(blank + 1, behind_names - blank - 1);
  std::size_t const bracket = names.rfind('[');
  if (bracket == std::string_view::npos || !names.ends_with(']')) return std::nullopt;
  auto const host = Domain::parse(Wire{names.substr(0, bracket)});
  auto const address = IpAddress::parse(Wire{names.substr(bracket + 1, names.size() - bracket - 2)});
  if (!host || !address) return std::nullopt;
  return RemoteReply{std::string{text.substr(0, blank)}, host->text(), *address,
                     std::string{text.substr(behind_names + said.size())}};
}

std::string remote_trouble(std::string_view status, std::string_view host, std::string_view what) {
  std::string line{status};
  line += ' ';
  line += host;
  line += ": ";
  return line += what;
}

std::string given_up(std::string_view last_words) { return std::string{in_vain} += last_words; }

std::string_view last_try(std::string_view text) {
  if (text.starts_with(in_vain)) text.remove_prefix(in_vain.size());
  return text;
}

}  // namespace postern
