#include "tools/password_keys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/random.h>

#include <array>
#include <span>

namespace postern {
namespace {

constexpr std::uint32_t iterations = 100'000;
constexpr std::size_t salt_length = 16;
constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz234567";  // RFC 4648 6, in lower case

using Digest = std::array<unsigned char, sha256_length>;

std::string text_of(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

Status fill_randomly(std::span<unsigned char> room) {
  for (std::size_t got = 0; got < room.size();) {
    ssize_t const more = getrandom(room.data() + got, room.size() - got, 0);
    if (more < 0 && errno != EINTR) return system_error("getrandom");
    if (more > 0) got += static_cast<std::size_t>(more);
  }
  return Done{};
}

Result<Digest> hmac(const Digest& key, std::string_view text) {
  Digest made;
  unsigned length = 0;
  auto const* const bytes = reinterpret_cast<const unsigned char*>(text.data());
  if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes, text.size(), made.data(), &length))
    return temporary("libcrypto makes no HMAC");
  return made;
}

}  // namespace

Status prepare_digests() {
  if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) != 1) return temporary("libcrypto does not start");
  TRY(hmac(Digest{}, "x"));
  return Done{};
}

Result<ScramKeys> make_scram_keys(std::string_view password) {
  std::array<unsigned char, salt_length> salt;
  TRY(fill_randomly(salt));
  Digest salted;
  if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salt.data(), static_cast<int>(salt.size()),
                        iterations, EVP_sha256(), static_cast<int>(salted.size()), salted.data()) != 1)
    return temporary("libcrypto makes no SCRAM keys");
  Digest const client_key = TRY(hmac(salted, "Client Key"));
  Digest const server_key = TRY(hmac(salted, "Server Key"));
  Digest stored_key;
  SHA256(client_key.data(), client_key.size(), stored_key.data());
  explicit_bzero(salted.data(), salted.size());
  return ScramKeys{
      iterations, {reinterpret_cast<const char*>(salt.data()), salt.size()}, text_of(stored_key), text_of(server_key)};
}

// 28 letters of 5 bits: 140 bits that nobody chose, so one fast hash is enough.
Result<NewAppPassword> make_app_password() {
  std::array<unsigned char, app_password_length> bytes;
  TRY(fill_randomly(bytes));
  NewAppPassword made;
  for (unsigned char const byte : bytes) made.text += letters[byte % letters.size()];
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(made.text.data()), made.text.size(), digest.data());
  made.digest = text_of(digest);
  return made;
}

}  // namespace postern
