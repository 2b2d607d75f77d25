#include "auth/tls_tickets.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <string>

namespace postern {
namespace {

constexpr std::size_t iv_length = 16;  // of AES in CBC

template <std::size_t N>
void derive(const std::array<unsigned char, 32>& secret, std::string_view what, std::string_view service,
            std::array<unsigned char, N>& key) {
  std::string text{what};
  (text += ' ') += service;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), digest, &length);
  std::copy_n(digest, key.size(), key.data());
  OPENSSL_cleanse(digest, sizeof digest);
}

ServiceTickets::Keys derive_all(const std::array<unsigned char, 32>& secret, std::string_view service) {
  ServiceTickets::Keys keys;
  derive(secret, "name", service, keys.name);
  derive(secret, "cipher", service, keys.cipher);
  derive(secret, "mac", service, keys.mac);
  return keys;
}

bool set_mac(EVP_MAC_CTX* mac, ServiceTickets::Keys& keys) {
  char digest[] = "SHA256";
  OSSL_PARAM const params[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, keys.mac.data(), keys.mac.size()),
                               OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, params) == 1;
}

}  // namespace

void ServiceTickets::forget() {
  OPENSSL_cleanse(&current, sizeof current);
  OPENSSL_cleanse(&previous, sizeof previous);
}

int ServiceTickets::use(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int is_new) {
  auto* const own = static_cast<ServiceTickets*>(SSL_get_app_data(ssl));
  if (!own) return 0;
  if (is_new) {
    if (RAND_bytes(iv, iv_length) != 1) return -1;
    std::copy(own->current.name.begin(), own->current.name.end(), name);
    bool const is_set =
        EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, own->current.cipher.data(), iv) == 1 && set_mac(mac, own->current);
    return is_set ? 1 : -1;
  }
  for (Keys* const keys : {&own->current, &own->previous}) {
    if (!std::equal(keys->name.begin(), keys->name.end(), name)) continue;
    bool const is_set =
        EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, keys->cipher.data(), iv) == 1 && set_mac(mac, *keys);
    if (!is_set) return -1;
    return keys == &own->current ? 1 : 2;  // 2: and gets a new one
  }
  return 0;
}

Result<TicketKeys> TicketKeys::make() {
  TicketKeys keys;
  if (RAND_bytes(keys.current_.data(), sizeof keys.current_) != 1 ||
      RAND_bytes(keys.previous_.data(), sizeof keys.previous_) != 1)
    return temporary("no random bytes:", openssl_reason());
  return keys;
}

Status TicketKeys::roll_when_due() {
  if (!due_.has_passed()) return Done{};
  due_ = Deadline::in(ticket_hour);
  previous_ = current_;
  if (RAND_bytes(current_.data(), sizeof current_) != 1) return temporary("no random bytes:", openssl_reason());
  return Done{};
}

ServiceTickets TicketKeys::of_service(std::string_view service) const {
  return {derive_all(current_, service), derive_all(previous_, service)};
}

void TicketKeys::forget() {
  OPENSSL_cleanse(current_.data(), sizeof current_);
  OPENSSL_cleanse(previous_.data(), sizeof previous_);
}

}  // namespace postern
