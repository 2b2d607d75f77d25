#include "lib/mail/passwords.h"

#include <algorithm>

#include "lib/core/ascii.h"
#include "lib/core/base64.h"
#include "lib/core/number.h"

namespace postern {
namespace {

constexpr std::size_t longest_hash = 383;  // CRYPT_OUTPUT_SIZE without its NUL
constexpr std::size_t longest_app_name = 32;
constexpr std::uint32_t fewest_iterations = 4096, most_iterations = 10'000'000;  // RFC 7677 4; and what a client can bear
constexpr std::size_t shortest_salt = 8, longest_salt = 64;

// Characters of Unicode 3.2 that are their own normal forms C and KC, whatever stands beside them, and that are written from left
// to right: signs of Latin-1, then Latin, Greek and Cyrillic letters.
struct Characters {
  char16_t first, last;
};
constexpr Characters unchanged[] = {{0xa1, 0xa7},   {0xa9, 0xa9},   {0xab, 0xac},   {0xae, 0xae},   {0xb0, 0xb1},
                                    {0xb6, 0xb7},   {0xbb, 0xbb},   {0xbf, 0x131},  {0x134, 0x13e}, {0x141, 0x148},
                                    {0x14a, 0x17e}, {0x386, 0x386}, {0x388, 0x38a}, {0x38c, 0x38c}, {0x38e, 0x3a1},
                                    {0x3a3, 0x3ce}, {0x400, 0x482}, {0x48a, 0x4ce}, {0x4d0, 0x4f5}, {0x4f8, 0x4f9}};
constexpr std::string_view euro_sign = "\xe2\x82\xac";

// Two bytes of UTF-8 (RFC 3629 3) that are one of them.
bool is_unchanged_letter(std::string_view bytes) {
  if (bytes.size() != 2) return false;
  auto const first = static_cast<unsigned char>(bytes[0]), second = static_cast<unsigned char>(bytes[1]);
  if (first < 0xc2 || first > 0xdf || second < 0x80 || second > 0xbf) return false;
  auto const character = static_cast<char16_t>((first & 0x1f) << 6 | (second & 0x3f));
  return std::any_of(std::begin(unchanged), std::end(unchanged),
                     [character](Characters const row) { return row.first <= character && character <= row.last; });
}

// What stands before the next `end`, which is taken too; everything when there is none.
std::string_view take_until(std::string_view& rest, char end) {
  std::size_t const place = rest.find(end);
  std::string_view const part = rest.substr(0, place);
  rest.remove_prefix(place == std::string_view::npos ? rest.size() : place + 1);
  return part;
}

// Words between commas; an empty text is none.
Result<std::vector<std::string>> parse_words(std::string_view text) {
  std::vector<std::string> words;
  if (text.empty()) return words;
  for (std::size_t start = 0; start <= text.size();) {
    std::size_t const end = std::min(text.find(',', start), text.size());
    std::string_view const word = text.substr(start, end - start);
    if (!is_flag_word(word) || std::find(words.begin(), words.end(), word) != words.end())
      return permanent("a word that is not made of a-z 0-9 -, or stands there twice");
    words.emplace_back(word);
    start = end + 1;
  }
  return words;
}

void append_words(std::string& text, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (&word != &words.front()) text += ',';
    text += word;
  }
}

Result<std::vector<AppPassword>> parse_app_passwords(std::string_view text) {
  std::vector<AppPassword> found;
  for (std::size_t start = 0; start <= text.size();) {
    std::size_t const end = std::min(text.find(';', start), text.size());
    AppPassword one = TRY(AppPassword::parse(Wire{text.substr(start, end - start)}));
    for (const AppPassword& other : found)
      if (other.name == one.name) return permanent("the name of an app password stands there twice");
    if (found.size() == most_app_passwords) return permanent("more app passwords than a login may have");
    found.push_back(std::move(one));
    start = end + 1;
  }
  return found;
}

Result<std::string> parse_bytes(std::string_view text, std::size_t least, std::size_t most) {
  std::string bytes = TRY(from_base64(Wire{text}));
  if (bytes.size() < least || bytes.size() > most) return permanent("base64 of another length than it has");
  return bytes;
}

}  // namespace

bool is_flag_word(std::string_view word) {
  for (char const c : word)
    if (!is_lower(c) && !is_digit(c) && c != '-') return false;
  return !word.empty();
}

Result<PasswordHash> PasswordHash::parse(Wire wire) {
  std::string_view const text = wire.bytes();
  if (text.empty() || text.size() > longest_hash) return permanent("password hash: empty or too long");
  for (char const c : text)
    if (!is_graphic(c) || std::string_view{":;*!\\"}.find(c) != std::string_view::npos)
      return permanent("password hash: a character that crypt(3) does not use");
  return PasswordHash{text};
}

Result<ScramKeys> ScramKeys::parse(Wire wire) {
  std::string_view const text = wire.bytes();
  if (std::count(text.begin(), text.end(), ',') != 3) return permanent("not iterations,salt,stored key,server key");
  std::string_view rest = text;
  std::string_view const count = take_until(rest, ',');
  if (count.starts_with('0')) return permanent("iterations with a zero in front");
  ScramKeys keys;
  keys.iterations = static_cast<std::uint32_t>(TRY(parse_number(Wire{count}, most_iterations)));
  if (keys.iterations < fewest_iterations) return permanent("fewer iterations than RFC 7677 allows");
  keys.salt = TRY(parse_bytes(take_until(rest, ','), shortest_salt, longest_salt));
  keys.stored_key = TRY(parse_bytes(take_until(rest, ','), sha256_length, sha256_length));
  keys.server_key = TRY(parse_bytes(rest, sha256_length, sha256_length));
  return keys;
}

std::string ScramKeys::encoded() const {
  return decimal(iterations) + "," + base64(salt) + "," + base64(stored_key) + "," + base64(server_key);
}

Result<AppPassword> AppPassword::parse(Wire wire) {
  std::string_view rest = wire.bytes();
  if (std::count(rest.begin(), rest.end(), '/') < 2) return permanent("app password: not name/services/digest");
  std::string_view const name = take_until(rest, '/');
  if (!is_flag_word(name) || name.size() > longest_app_name)
    return permanent("app password: its name is no word of at most 32 characters a-z 0-9 -");
  AppPassword one;
  one.name = name;
  one.services = TRY(parse_words(take_until(rest, '/')));
  one.digest = TRY(parse_bytes(rest, sha256_length, sha256_length));
  return one;
}

std::string AppPassword::encoded() const {
  std::string text = name + "/";
  append_words(text, services);
  return text + "/" + base64(digest);
}

bool AppPassword::opens(std::string_view service) const {
  return services.empty() || std::find(services.begin(), services.end(), service) != services.end();
}

std::optional<std::string> canonical_app_password(std::string_view typed) {
  auto const is_letter = [](char c) { return is_lower(to_lower(c)) || (c >= '2' && c <= '7'); };
  std::size_t length = 0;
  for (char const c : typed) {
    if (is_blank(c) || c == '-') continue;
    if (!is_letter(c) || ++length > app_password_length) return {};  // before anything is copied: it may be another password
  }
  if (length != app_password_length) return {};
  std::string text;
  text.reserve(length);
  for (char const c : typed)
    if (is_letter(c)) text += to_lower(c);
  return text;
}

bool is_prepared_alike(std::string_view password) {
  while (!password.empty()) {
    std::size_t length = 1;
    if (password.starts_with(euro_sign))
      length = euro_sign.size();
    else if (is_eight_bit(password.front()) && is_unchanged_letter(password.substr(0, 2)))
      length = 2;
    else if (!is_graphic(password.front()) && password.front() != ' ')
      return false;
    password.remove_prefix(length);
  }
  return true;
}

Result<PasswordEntry> PasswordEntry::parse(Wire wire) {
  std::string_view rest = wire.bytes();
  auto const colons = std::count(rest.begin(), rest.end(), ':');
  if (colons < 2 || colons > 4) return permanent("not login:hash:flags:scram:apps");
  PasswordEntry entry{TRY(Login::parse(Wire{take_until(rest, ':')}))};
  std::string_view const hash = take_until(rest, ':');
  if (hash != "*") entry.hash = TRY(PasswordHash::parse(Wire{hash}));
  entry.flags = TRY(parse_words(take_until(rest, ':')));
  if (colons == 2) return entry;
  std::string_view const scram = take_until(rest, ':');
  if (!scram.empty()) entry.scram = TRY(ScramKeys::parse(Wire{scram}));
  if (colons == 4) entry.app_passwords = TRY(parse_app_passwords(rest));
  if (colons == 3 && !entry.scram) return permanent("a last field that holds nothing");
  if (entry.scram && !entry.hash) return permanent("SCRAM keys without a hash");
  return entry;
}

std::string PasswordEntry::encoded() const {
  std::string text = login.text() + ":" + (hash ? hash->text() : "*") + ":";
  append_words(text, flags);
  if (!scram && app_passwords.empty()) return text;
  text += ':';
  if (scram) text += scram->encoded();
  for (const AppPassword& one : app_passwords) {
    text += &one == &app_passwords.front() ? ':' : ';';
    text += one.encoded();
  }
  return text;
}

bool PasswordEntry::has_flag(std::string_view word) const { return std::find(flags.begin(), flags.end(), word) != flags.end(); }

Result<Passwords> Passwords::parse(Wire wire) {
  Passwords passwords;
  std::string_view rest = wire.bytes();
  for (std::uint64_t number = 1; !rest.empty(); ++number) {
    std::string const where = "users/passwords line " + decimal(number);
    std::size_t const end = rest.find('\n');
    if (end == std::string_view::npos) return permanent("no newline at the end of", where);
    auto entry = PasswordEntry::parse(Wire{rest.substr(0, end)});
    if (!entry) return permanent("not login:hash:flags:scram:apps as passwords(5) has it:", where);
    if (!passwords.places_.emplace(entry->login.text(), passwords.entries_.size()).second)
      return permanent("this login stands there a second time:", where);
    passwords.entries_.push_back(*std::move(entry));
    rest.remove_prefix(end + 1);
  }
  return passwords;
}

std::string Passwords::encoded() const {
  std::string text;
  for (const PasswordEntry& entry : entries_) (text += entry.encoded()) += '\n';
  return text;
}

const PasswordEntry* Passwords::find(std::string_view login) const {
  auto const place = places_.find(std::string{login});
  return place == places_.end() ? nullptr : &entries_[place->second];
}

PasswordEntry& Passwords::at(const Login& login) {
  auto const [place, is_new] = places_.emplace(login.text(), entries_.size());
  if (is_new) entries_.push_back(PasswordEntry{login});
  return entries_[place->second];
}

bool Passwords::remove(std::string_view login) {
  auto const place = places_.find(std::string{login});
  if (place == places_.end()) return false;
  std::size_t const gone = place->second;
  places_.erase(place);
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(gone));
  for (auto& [name, position] : places_)
    if (position > gone) --position;
  return true;
}

}  // namespace postern
