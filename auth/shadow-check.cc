// shadow-check - whether a password is that of a user of this system, by checkpassword's interface
//
// run by   shadow-spawn, as pn-shadow, for one question: `shadow-check UID`
// fds      2 > log   3 < login NUL password NUL timestamp NUL
// files    reads /etc/shadow and /etc/passwd        starts  nothing
// exits    0 it is   1 it is not   2 not that on descriptor 3   100 wrong words   111 not now, try again
// see      shadow-check(8)
#include <crypt.h>
#include <string.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "auth/shadow_entry.h"
#include "lib/core/number.h"
#include "lib/mail/login.h"
#include "lib/os/directory.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/program.h"

namespace postern {
namespace {

constexpr int question = 3;
constexpr std::size_t question_most = 512;
constexpr std::size_t largest_file = 16u << 20;
constexpr int right = 0, wrong = 1, misused = 2;

struct Question {
  std::array<char, question_most + 1> room{};
  std::size_t length = 0;
  std::string_view login, password;  // in `room`, each with a NUL behind it
  ~Question() { explicit_bzero(room.data(), room.size()); }

  // False: that is no question.
  Result<bool> read() {
    while (length < room.size()) {
      std::size_t const got = TRY(read_some(question, std::span{room}.subspan(length)));
      if (got == 0) break;
      length += got;
    }
    std::string_view const text{room.data(), length};
    std::size_t const first = text.find('\0');
    std::size_t const second = first == text.npos ? first : text.find('\0', first + 1);
    if (length > question_most || second == text.npos || text.find('\0', second + 1) == text.npos) return false;
    login = text.substr(0, first);
    password = text.substr(first + 1, second - first - 1);
    return true;
  }
};

// Compares in a time that does not tell how much is equal.
bool is_same(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char differences = 0;
  for (std::size_t i = 0; i < a.size(); ++i) differences = static_cast<unsigned char>(differences | (a[i] ^ b[i]));
  return differences == 0;
}

// Where crypt(3) makes no hash though it knows the scheme, nobody can say whether the password is right; libxcrypt says EINVAL
// of a yescrypt hash for which it has no memory.
Result<bool> matches(const Question& asked, const std::string& hash) {
  auto const work = std::make_unique<crypt_data>();
  const char* const made = crypt_r(asked.password.data(), hash.c_str(), work.get());
  bool const is_made = made && made[0] != '*';
  Error const trouble = system_error("make a hash, for want of memory perhaps, of a password of", asked.login);
  bool const is_right = is_made && is_same(made, hash);
  explicit_bzero(work.get(), sizeof *work);
  if (!is_made && trouble.number() != ERANGE && crypt_checksalt(hash.c_str()) != CRYPT_SALT_INVALID) return trouble;
  return is_right;
}

Result<int> check(const Question& asked, uid_t uid, const Directory& etc) {
  std::string const passwd = TRY(read_all(TRY(etc.open_file("passwd")).number(), largest_file));
  auto const line = find_line(passwd, asked.login);
  if (!line || TRY(uid_of_passwd_line(Wire{*line})) != uid) return wrong;
  std::string const shadow = TRY(read_all(TRY(etc.open_file("shadow")).number(), largest_file));
  auto const found = find_line(shadow, asked.login);
  if (!found) return wrong;
  ShadowEntry const entry = TRY(ShadowEntry::parse(Wire{*found}));
  auto const today = std::chrono::duration_cast<std::chrono::hours>(wall_now().time_since_epoch()).count() / 24;
  if (!entry.is_usable(static_cast<std::uint64_t>(today))) return wrong;
  return TRY(matches(asked, entry.hash)) ? right : wrong;
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  if (args.arguments.size() != 1)
    return permanent("usage: shadow-check UID, with a question on descriptor 3; shadow-spawn starts it");
  auto const uid = parse_number(Wire{args.arguments[0]}, 0xfffffffeu);
  if (!uid || *uid == 0) return permanent("usage: shadow-check UID, a mailbox's and not root's:", args.arguments[0]);
  Directory const etc = TRY(Directory::open("/etc"));
  TRY(confine());
  Question asked;
  if (!TRY(asked.read())) exit_program(misused);
  if (!Login::parse(Wire{asked.login})) exit_program(wrong);
  exit_program(TRY(check(asked, static_cast<uid_t>(*uid), etc)));
}
