#include "tools/user_password.h"

#include <crypt.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "lib/os/io.h"
#include "tools/password_keys.h"

namespace postern {
namespace {

constexpr std::size_t longest_password = CRYPT_MAX_PASSPHRASE_SIZE - 1;

// What must not stay in memory once it was used.
struct Secret {
  std::array<char, CRYPT_MAX_PASSPHRASE_SIZE + 1> room{};
  std::size_t length = 0;
  std::string_view view() const { return {room.data(), length}; }
  ~Secret() { explicit_bzero(room.data(), room.size()); }
};

// Does not show what is typed as long as it lives; nothing when descriptor 0 is no terminal.
class HiddenTyping {
 public:
  HiddenTyping() : is_terminal_(tcgetattr(0, &before_) == 0) {
    if (!is_terminal_) return;
    termios hidden = before_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(0, TCSAFLUSH, &hidden);
  }
  HiddenTyping(const HiddenTyping&) = delete;
  HiddenTyping& operator=(const HiddenTyping&) = delete;
  ~HiddenTyping() {
    if (is_terminal_) tcsetattr(0, TCSAFLUSH, &before_);
  }
  bool is_terminal() const { return is_terminal_; }

 private:
  termios before_{};
  bool is_terminal_;
};

// A byte at a time: what follows the line is not ours.
Status read_line(Secret& secret) {
  for (char byte; TRY(read_some(0, std::span{&byte, 1})) != 0 && byte != '\n';) {
    if (byte == '\0') return permanent("password: a NUL in it");
    if (secret.length == longest_password) return permanent("password: longer than 511 bytes");
    secret.room[secret.length++] = byte;
  }
  if (secret.length == 0) return permanent("password: empty; give it as one line on descriptor 0");
  return Done{};
}

Status ask(const HiddenTyping& typing, std::string_view prompt, Secret& secret) {
  if (typing.is_terminal()) TRY(write_all(2, prompt));
  auto const read = read_line(secret);
  if (typing.is_terminal()) TRY(write_all(2, "\n"));
  return read;
}

}  // namespace

Result<NewPassword> read_new_password() {
  HiddenTyping const typing;
  Secret secret;
  TRY(ask(typing, "New password: ", secret));
  if (typing.is_terminal()) {
    Secret again;
    TRY(ask(typing, "Once more: ", again));
    if (again.view() != secret.view()) return permanent("password: these two are not the same");
  }
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  if (!crypt_gensalt_rn("$y$", 0, nullptr, 0, setting.data(), static_cast<int>(setting.size())))
    return system_error("make a salt");
  auto const work = std::make_unique<crypt_data>();
  const char* const hash = crypt_r(secret.room.data(), setting.data(), work.get());
  if (!hash || hash[0] == '*') return system_error("hash the password");
  auto made = PasswordHash::parse(Wire{std::string_view{hash}});
  explicit_bzero(work.get(), sizeof *work);
  NewPassword password{TRY(std::move(made)), {}};
  if (is_prepared_alike(secret.view())) password.scram = TRY(make_scram_keys(secret.view()));
  return password;
}

}  // namespace postern
