#include "lib/net/remote_words.h"

#include "lib/core/ascii.h"
#include "lib/mail/domain.h"

namespace postern {
namespace {

constexpr std::string_view said = " said: ";
constexpr std::string_view in_vain = "4.4.7 given up, too long in the queue; the last try: ";

constexpr std::size_t longest_tls_word = 40;

// Words of letters, digits and a few marks, so that nothing in them can end them.
std::string tls_word(std::string_view text) {
  std::string word{text.substr(0, longest_tls_word)};
  for (char& c : word)
    if (!is_alnum(c) && c != '.' && c != '-' && c != '_') c = '?';
  return word;
}

// Takes " (TLSv1.3 ...)" off the front, if it is there.
std::string take_tls(std::string_view& rest) {
  std::size_t const end = rest.find(')');
  if (!rest.starts_with(" (") || end == std::string_view::npos) return {};
  std::string tls{rest.substr(2, end - 2)};
  rest.remove_prefix(end + 1);
  return tls;
}

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
  if (!tls.empty()) line += " (" + tls + ')';
  line += said;
  return line += reply;
}

std::optional<RemoteReply> RemoteReply::parse(Wire wire) {
  std::string_view const text = wire.bytes();
  std::size_t const blank = text.find(' ');
  if (blank == std::string_view::npos || !is_status(text.substr(0, blank))) return std::nullopt;
  std::size_t const behind_names = text.find(' ', blank + 1);
  if (behind_names == std::string_view::npos) return std::nullopt;
  std::string_view rest = text.substr(behind_names);
  std::string tls = take_tls(rest);
  if (!rest.starts_with(said)) return std::nullopt;
  std::string_view const names = text.substr(blank + 1, behind_names - blank - 1);
  std::size_t const bracket = names.rfind('[');
  if (bracket == std::string_view::npos || !names.ends_with(']')) return std::nullopt;
  auto const host = Domain::parse(Wire{names.substr(0, bracket)});
  auto const address = IpAddress::parse(Wire{names.substr(bracket + 1, names.size() - bracket - 2)});
  if (!host || !address) return std::nullopt;
  return RemoteReply{std::string{text.substr(0, blank)}, host->text(), *address, std::string{rest.substr(said.size())},
                     std::move(tls)};
}

std::string_view tls_verified_name(TlsVerified verified) {
  return verified == TlsVerified::dane ? "dane" : verified == TlsVerified::name ? "verified" : "untrusted";
}

std::string_view tls_of(std::string_view text) {
  std::size_t const names_end = text.find(' ', text.find(' ') + 1);
  if (names_end == std::string_view::npos || !text.substr(names_end).starts_with(" (")) return {};
  std::size_t const end = text.find(')', names_end);
  if (end == std::string_view::npos || !text.substr(end + 1).starts_with(said)) return {};
  return text.substr(names_end + 2, end - names_end - 2);
}

std::string tls_words(const TlsFacts& facts) {
  std::string words = tls_word(facts.protocol);
  words += ' ';
  words += tls_word(facts.cipher);
  words += ' ';
  return words += tls_verified_name(facts.verified);
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
