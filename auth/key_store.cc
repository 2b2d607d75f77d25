#include "auth/key_store.h"

#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include <algorithm>

#include "lib/os/io.h"
#include "lib/os/log.h"

namespace postern {
namespace {

constexpr std::size_t largest_file = 64u << 10;
constexpr std::size_t most_keys = 256;
constexpr std::string_view suffix = ".pem";
constexpr int rsa_least = 2048, rsa_most = 8192;

int no_password(char*, int, int, void*) { return -1; }

bool has_curve(EVP_PKEY* key) {
  char name[32];
  std::size_t length = 0;
  if (EVP_PKEY_get_group_name(key, name, sizeof name, &length) != 1) return false;
  std::string_view const curve{name, length};
  return curve == "prime256v1" || curve == "secp384r1" || curve == "secp521r1";
}

bool is_of_use(EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA")) return EVP_PKEY_get_bits(key) >= rsa_least && EVP_PKEY_get_bits(key) <= rsa_most;
  return EVP_PKEY_is_a(key, "EC") && has_curve(key);
}

// A file's text, overwritten when it has been used.
struct Secret {
  std::string text;
  explicit Secret(std::string secret) : text(std::move(secret)) {}
  Secret(Secret&& other) noexcept : text(std::move(other.text)) {}
  Secret& operator=(Secret&&) = delete;
  ~Secret() { OPENSSL_cleanse(text.data(), text.size()); }
};

Result<PkeyPtr> read_key(const Directory& directory, const std::string& name) {
  auto const file = TRY(directory.open_file(name));
  auto const status = TRY(status_of(file.number()));
  if (!S_ISREG(status.st_mode) || status.st_size < 0 || static_cast<std::size_t>(status.st_size) > largest_file)
    return permanent("not a file of a key");
  if (status.st_mode & S_IROTH) return permanent("others may read it; chmod o= it");
  Secret secret{std::string(static_cast<std::size_t>(status.st_size), '\0')};  // one piece of memory: no copies stay behind
  TRY(pread_exactly(file.number(), secret.text, 0));
  return parse_private_key(Wire{secret.text});
}

}  // namespace

std::string key_name_of(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  int const length = i2d_PUBKEY(key, &der);
  if (length <= 0) return {};
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(der, static_cast<std::size_t>(length), digest);
  OPENSSL_free(der);
  return std::string{digest_bytes(digest, sizeof digest)};
}

Result<PkeyPtr> parse_private_key(Wire pem) {
  BioPtr const source{BIO_new_mem_buf(pem.bytes().data(), static_cast<int>(pem.size()))};
  if (!source) return temporary("out of memory");
  PkeyPtr key{PEM_read_bio_PrivateKey(source.get(), nullptr, no_password, nullptr)};
  std::string const reason = openssl_reason();
  if (!key) return permanent("not a private key in PEM without a password:", reason);
  if (!is_of_use(key.get())) return permanent("neither RSA of 2048 to 8192 bits nor ECDSA on P-256, P-384 or P-521");
  return key;
}

KeyAnswer sign_with(EVP_PKEY* key, TlsScheme scheme, std::string_view data) {
  TlsPadding const padding = padding_of(scheme);
  if (EVP_PKEY_is_a(key, "RSA") != (padding != TlsPadding::none)) return {{}, "the key is of another kind"};
  DigestContextPtr const context{EVP_MD_CTX_new()};
  EVP_PKEY_CTX* details = nullptr;  // the context's
  bool is_good =
      context && EVP_DigestSignInit_ex(context.get(), &details, digest_of(scheme), nullptr, nullptr, key, nullptr) == 1;
  if (is_good && padding == TlsPadding::pss)
    is_good = EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING) == 1 &&
              EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST) == 1;
  std::string signature(key_signature_most, '\0');
  std::size_t length = signature.size();
  is_good = is_good && EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length,
                                      reinterpret_cast<const unsigned char*>(data.data()), data.size()) == 1;
  if (!is_good) return {{}, "cannot sign: " + openssl_reason()};
  signature.resize(length);
  return {std::move(signature), {}};
}

Status KeyStore::load(const Directory& directory) {
  std::vector<Key> found;
  auto names = TRY(directory.names());
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (!name.ends_with(suffix) || name.front() == '.') continue;
    if (found.size() == most_keys) {
      LogLine{"key"}.add("file", name).add("error", "there are too many").write();
      break;
    }
    auto key = read_key(directory, name);
    if (!key) {
      LogLine{"key"}.add("file", name).add("error", key.error().text()).write();
      auto const had = std::find_if(keys_.begin(), keys_.end(), [&name](const Key& old) { return old.file == name; });
      if (key.error().is_permanent() || had == keys_.end()) continue;
      found.push_back(std::move(*had));
      keys_.erase(had);
      continue;
    }
    std::string hash = key_name_of(key->get());
    found.push_back({name, std::move(hash), *std::move(key)});
  }
  for (Key& old : keys_) {
    auto const is_same = [&old](const Key& key) { return key.name == old.name; };
    if (!std::any_of(found.begin(), found.end(), is_same)) retired_.push_back({std::move(old), Deadline::in(key_grace)});
  }
  keys_ = std::move(found);
  std::erase_if(retired_, [this](const Retired& old) {  // those that came back
    return std::any_of(keys_.begin(), keys_.end(), [&old](const Key& key) { return key.name == old.key.name; });
  });
  return Done{};
}

KeyAnswer KeyStore::answer(const KeyRequest& request) const {
  for (const Key& key : keys_)
    if (key.name == request.key) return sign_with(key.key.get(), request.scheme, request.data);
  for (const Retired& old : retired_)
    if (old.key.name == request.key && !old.until.has_passed()) return sign_with(old.key.key.get(), request.scheme, request.data);
  return {{}, "there is no such key in tls/keys"};
}

Deadline KeyStore::wipe() {
  // OpenSSL overwrites what it frees.
  auto const wiped = std::erase_if(retired_, [](const Retired& old) { return old.until.has_passed(); });
  if (wiped > 0) LogLine{"wiped"}.add("number", std::uint64_t{wiped}).write();
  Deadline next = Deadline::never();
  for (const Retired& old : retired_) next = next.or_sooner(old.until);
  return next;
}

}  // namespace postern
