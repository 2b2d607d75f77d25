#include "lib/mail/passwords.h"

#include <algorithm>
#include <unordered_set>

#include "lib/core/ascii.h"
#include "lib/core/number.h"

namespace postern {
namespace {

constexpr std::size_t longest_hash = 383;  // CRYPT_OUTPUT_SIZE without its NUL

bool is_flag(std::string_view word) {
  for (char const c : word)
    if (!is_lower(c) && !is_digit(c) && c != '-') return false;
  return !word.empty();
}

}  // namespace

Result<PasswordHash> PasswordHash::parse(Wire wire) {
  std::string_view const text = wire.bytes();
  if (text.empty() || text.size() > longest_hash) return permanent("password hash: empty or too long");
  for (char const c : text)
    if (!is_graphic(c) || std::string_view{":;*!\\"}.find(c) != std::string_view::npos)
      return permanent("password hash: a character that crypt(3) does not use");
  return PasswordHash{text};
}

Result<PasswordEntry> PasswordEntry::parse(Wire wire) {
  std::string_view const line = wire.bytes();
  std::size_t const first = line.find(':');
  std::size_t const second = first == std::string_view::npos ? first : line.find(':', first + 1);
  if (second == std::string_view::npos) return permanent("not login:hash:flags");
  Login login = TRY(Login::parse(Wire{line.substr(0, first)}));
  PasswordHash hash = TRY(PasswordHash::parse(Wire{line.substr(first + 1, second - first - 1)}));
  PasswordEntry entry{std::move(login), std::move(hash), {}};
  std::string_view rest = line.substr(second + 1);
  while (!rest.empty()) {
    std::size_t const comma = rest.find(',');
    std::string_view const word = rest.substr(0, comma);
    if (!is_flag(word) || entry.has_flag(word)) return permanent("a flag that is no word of a-z 0-9 -, or stands there twice");
    entry.flags.emplace_back(word);
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
    if (rest.empty()) return permanent("a comma without a flag behind it");
  }
  return entry;
}

bool PasswordEntry::has_flag(std::string_view word) const { return std::find(flags.begin(), flags.end(), word) != flags.end(); }

Result<Passwords> Passwords::parse(Wire wire) {
  Passwords passwords;
  std::unordered_set<std::string> seen;
  std::string_view rest = wire.bytes();
  for (std::uint64_t number = 1; !rest.empty(); ++number) {
    std::string const where = "users/passwords line " + decimal(number);
    std::size_t const end = rest.find('\n');
    if (end == std::string_view::npos) return permanent("no newline at the end of", where);
    auto entry = PasswordEntry::parse(Wire{rest.substr(0, end)});
    if (!entry) return permanent("not login:hash:flag,flag as passwords(5) has it:", where);
    if (!seen.insert(entry->login.text()).second) return permanent("this login stands there a second time:", where);
    passwords.entries_.push_back(*std::move(entry));
    rest.remove_prefix(end + 1);
  }
  return passwords;
}

std::string Passwords::encoded() const {
  std::string text;
  for (const PasswordEntry& entry : entries_) {
    text += entry.login.text();
    text += ':';
    text += entry.hash.text();
    text += ':';
    for (const std::string& flag : entry.flags) {
      if (&flag != &entry.flags.front()) text += ',';
      text += flag;
    }
    text += '\n';
  }
  return text;
}

const PasswordEntry* Passwords::find(std::string_view login) const {
  for (const PasswordEntry& entry : entries_)
    if (entry.login.text() == login) return &entry;
  return nullptr;
}

void Passwords::set(const Login& login, PasswordHash hash) {
  for (PasswordEntry& entry : entries_)
    if (entry.login == login) {
      entry.hash = std::move(hash);
      return;
    }
  entries_.push_back(PasswordEntry{login, std::move(hash), {}});
}

bool Passwords::remove(std::string_view login) {
  return std::erase_if(entries_, [&](const PasswordEntry& entry) { return entry.login.text() == login; }) != 0;
}

}  // namespace postern
