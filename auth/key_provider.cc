#include "auth/key_provider.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

#include <array>
#include <new>

#include "auth/key_store.h"

namespace postern {
namespace {

KeyProvider::Sign sign_elsewhere = nullptr;
void* sign_context = nullptr;
OSSL_LIB_CTX* own_context = nullptr;

constexpr std::size_t public_most = 2048;  // bytes: an RSA modulus, a point
constexpr const char* name_parameter = "postern-name";

// --- keys ---------------------------------------------------------------------------------------------------------------

struct RemoteKey {
  bool is_rsa = false;
  std::string name;         // empty in one that is only to be compared with
  std::string group;        // EC
  std::string public_half;  // the point, or the modulus
  int bits = 0, security_bits = 0, size = 0;
};

void* new_rsa(void*) {
  auto* const key = new RemoteKey{};
  key->is_rsa = true;
  return key;
}
void* new_ec(void*) { return new RemoteKey{}; }
void free_key(void* key) { delete static_cast<RemoteKey*>(key); }
int has(const void*, int) { return 1; }

int match(const void* first, const void* second, int) {
  const auto& a = *static_cast<const RemoteKey*>(first);
  const auto& b = *static_cast<const RemoteKey*>(second);
  return a.is_rsa == b.is_rsa && a.group == b.group && !a.public_half.empty() && a.public_half == b.public_half;
}

bool take_bytes(const OSSL_PARAM params[], const char* name, std::string& text) {
  const OSSL_PARAM* const parameter = OSSL_PARAM_locate_const(params, name);
  if (!parameter || parameter->data_size > public_most || !parameter->data) return false;
  text.assign(static_cast<const char*>(parameter->data), parameter->data_size);
  return true;
}

void take_number(const OSSL_PARAM params[], const char* name, int& number) {
  if (const OSSL_PARAM* const parameter = OSSL_PARAM_locate_const(params, name)) OSSL_PARAM_get_int(parameter, &number);
}

// A modulus comes in the machine's order of bytes, with or without zeros on top.
std::string without_zeros(std::string number) {
  while (!number.empty() && number.back() == '\0') number.pop_back();
  return number;
}

int import_key(void* data, int, const OSSL_PARAM params[]) {
  auto& key = *static_cast<RemoteKey*>(data);
  if (!take_bytes(params, key.is_rsa ? OSSL_PKEY_PARAM_RSA_N : OSSL_PKEY_PARAM_PUB_KEY, key.public_half)) return 0;
  if (key.is_rsa) key.public_half = without_zeros(std::move(key.public_half));
  if (!key.is_rsa && !take_bytes(params, OSSL_PKEY_PARAM_GROUP_NAME, key.group)) return 0;
  take_bytes(params, name_parameter, key.name);
  take_number(params, OSSL_PKEY_PARAM_BITS, key.bits);
  take_number(params, OSSL_PKEY_PARAM_SECURITY_BITS, key.security_bits);
  take_number(params, OSSL_PKEY_PARAM_MAX_SIZE, key.size);
  return 1;
}

const OSSL_PARAM* import_types(int) {
  static const OSSL_PARAM types[] = {OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, nullptr, 0),
                                     OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0),
                                     OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
                                     OSSL_PARAM_octet_string(name_parameter, nullptr, 0),
                                     OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, nullptr),
                                     OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, nullptr),
                                     OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, nullptr),
                                     OSSL_PARAM_END};
  return types;
}

int get_key_params(void* data, OSSL_PARAM params[]) {
  const auto& key = *static_cast<const RemoteKey*>(data);
  auto const set_number = [params](const char* name, int value) {
    OSSL_PARAM* const parameter = OSSL_PARAM_locate(params, name);
    return !parameter || OSSL_PARAM_set_int(parameter, value) == 1;
  };
  auto const set_text = [params](const char* name, const char* value) {
    OSSL_PARAM* const parameter = OSSL_PARAM_locate(params, name);
    return !parameter || OSSL_PARAM_set_utf8_string(parameter, value) == 1;
  };
  return set_number(OSSL_PKEY_PARAM_BITS, key.bits) && set_number(OSSL_PKEY_PARAM_SECURITY_BITS, key.security_bits) &&
         set_number(OSSL_PKEY_PARAM_MAX_SIZE, key.size) && set_text(OSSL_PKEY_PARAM_DEFAULT_DIGEST, "SHA256") &&
         (key.is_rsa || set_text(OSSL_PKEY_PARAM_GROUP_NAME, key.group.c_str()));
}

const OSSL_PARAM* gettable_key_params(void*) {
  static const OSSL_PARAM types[] = {OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, nullptr),
                                     OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, nullptr),
                                     OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, nullptr),
                                     OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, nullptr, 0),
                                     OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
                                     OSSL_PARAM_END};
  return types;
}

const char* ec_operation(int operation) { return operation == OSSL_OP_SIGNATURE ? "ECDSA" : "EC"; }
const char* rsa_operation(int) { return "RSA"; }

// --- signatures ---------------------------------------------------------------------------------------------------------

struct RemoteSignature {
  const RemoteKey* key = nullptr;  // the EVP_PKEY's, which outlives the operation
  std::string digest;
  TlsPadding padding = TlsPadding::none;
};

void* new_signature(void*, const char*) { return new RemoteSignature{}; }
void free_signature(void* signature) { delete static_cast<RemoteSignature*>(signature); }
void* duplicate_signature(void* signature) { return new RemoteSignature{*static_cast<const RemoteSignature*>(signature)}; }

bool take_padding(RemoteSignature& signature, const OSSL_PARAM& parameter) {
  int number = 0;
  std::string_view const text{parameter.data_type == OSSL_PARAM_UTF8_STRING ? static_cast<const char*>(parameter.data) : ""};
  if (text.empty() && OSSL_PARAM_get_int(&parameter, &number) != 1) return false;
  if (text == OSSL_PKEY_RSA_PAD_MODE_PSS || number == RSA_PKCS1_PSS_PADDING)
    signature.padding = TlsPadding::pss;
  else if (text == OSSL_PKEY_RSA_PAD_MODE_PKCSV15 || number == RSA_PKCS1_PADDING)
    signature.padding = TlsPadding::pkcs1;
  else
    return false;
  return true;
}

bool is_salt_of_tls(const OSSL_PARAM& parameter) {  // RFC 8446 4.2.3: as long as the digest
  int number = 0;
  if (parameter.data_type == OSSL_PARAM_UTF8_STRING) {
    std::string_view const text{static_cast<const char*>(parameter.data)};
    return text == OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST || text == "-1";
  }
  return OSSL_PARAM_get_int(&parameter, &number) == 1 && number == RSA_PSS_SALTLEN_DIGEST;
}

int set_signature_params(void* data, const OSSL_PARAM params[]) {
  auto& signature = *static_cast<RemoteSignature*>(data);
  if (!params) return 1;
  const OSSL_PARAM* const padding = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
  if (padding && !take_padding(signature, *padding)) return 0;
  const OSSL_PARAM* const salt = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
  return !salt || is_salt_of_tls(*salt);
}

const OSSL_PARAM* settable_signature_params(void*, void*) {
  static const OSSL_PARAM types[] = {OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, nullptr, 0),
                                     OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, nullptr, 0), OSSL_PARAM_END};
  return types;
}

int start_digest_sign(void* data, const char* digest, void* key, const OSSL_PARAM params[]) {
  auto& signature = *static_cast<RemoteSignature*>(data);
  if (key) signature.key = static_cast<const RemoteKey*>(key);
  if (!signature.key || signature.key->name.empty()) return 0;
  signature.digest = digest ? digest : "SHA256";
  signature.padding = signature.key->is_rsa ? TlsPadding::pkcs1 : TlsPadding::none;
  return set_signature_params(data, params);
}

int digest_sign(void* data, unsigned char* out, std::size_t* length, std::size_t room, const unsigned char* bytes,
                std::size_t count) {
  auto const& signature = *static_cast<const RemoteSignature*>(data);
  auto const most = static_cast<std::size_t>(signature.key->size);
  if (!out) {
    *length = most;
    return 1;
  }
  auto const scheme = tls_scheme_of(signature.padding, signature.digest);
  if (!scheme || !sign_elsewhere) return 0;
  KeyAnswer const answer = sign_elsewhere(sign_context, {signature.key->name, *scheme, std::string{digest_bytes(bytes, count)}});
  if (answer.signature.empty() || answer.signature.size() > room || answer.signature.size() > most) return 0;
  answer.signature.copy(reinterpret_cast<char*>(out), answer.signature.size());
  *length = answer.signature.size();
  return 1;
}

// --- tables -------------------------------------------------------------------------------------------------------------

template <class Function>
constexpr OSSL_DISPATCH entry(int number, Function* function) {
  return {number, reinterpret_cast<void (*)()>(function)};
}

const OSSL_DISPATCH* key_table(bool is_rsa) {
  static const auto make = [](bool of_rsa) {
    return std::array<OSSL_DISPATCH, 10>{entry(OSSL_FUNC_KEYMGMT_NEW, of_rsa ? new_rsa : new_ec),
                                         entry(OSSL_FUNC_KEYMGMT_FREE, free_key),
                                         entry(OSSL_FUNC_KEYMGMT_HAS, has),
                                         entry(OSSL_FUNC_KEYMGMT_MATCH, match),
                                         entry(OSSL_FUNC_KEYMGMT_IMPORT, import_key),
                                         entry(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, import_types),
                                         entry(OSSL_FUNC_KEYMGMT_GET_PARAMS, get_key_params),
                                         entry(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, gettable_key_params),
                                         entry(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, of_rsa ? rsa_operation : ec_operation),
                                         OSSL_DISPATCH{0, nullptr}};
  };
  static const auto rsa = make(true), ec = make(false);
  return is_rsa ? rsa.data() : ec.data();
}

const OSSL_DISPATCH* signature_table() {
  static const OSSL_DISPATCH table[] = {entry(OSSL_FUNC_SIGNATURE_NEWCTX, new_signature),
                                        entry(OSSL_FUNC_SIGNATURE_FREECTX, free_signature),
                                        entry(OSSL_FUNC_SIGNATURE_DUPCTX, duplicate_signature),
                                        entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, start_digest_sign),
                                        entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, digest_sign),
                                        entry(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, set_signature_params),
                                        entry(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, settable_signature_params),
                                        OSSL_DISPATCH{0, nullptr}};
  return table;
}

const OSSL_ALGORITHM* query(void*, int operation, int* may_not_store) {
  *may_not_store = 0;
  static const OSSL_ALGORITHM keys[] = {{"RSA:rsaEncryption", "provider=postern", key_table(true), nullptr},
                                        {"EC:id-ecPublicKey", "provider=postern", key_table(false), nullptr},
                                        {nullptr, nullptr, nullptr, nullptr}};
  static const OSSL_ALGORITHM signatures[] = {{"RSA:rsaEncryption", "provider=postern", signature_table(), nullptr},
                                              {"ECDSA", "provider=postern", signature_table(), nullptr},
                                              {nullptr, nullptr, nullptr, nullptr}};
  if (operation == OSSL_OP_KEYMGMT) return keys;
  return operation == OSSL_OP_SIGNATURE ? signatures : nullptr;
}

void tear_down(void*) {}

int start_provider(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** out, void** context) {
  static const OSSL_DISPATCH table[] = {entry(OSSL_FUNC_PROVIDER_TEARDOWN, tear_down),
                                        entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query), OSSL_DISPATCH{0, nullptr}};
  static int state = 0;
  *out = table;
  *context = &state;
  return 1;
}

}  // namespace

Status KeyProvider::start(Sign sign, void* context) {
  sign_elsewhere = sign;
  sign_context = context;
  if (own_context) return Done{};
  OSSL_LIB_CTX* const library = OSSL_LIB_CTX_new();
  if (!library || OSSL_PROVIDER_add_builtin(library, "postern", start_provider) != 1 || !OSSL_PROVIDER_load(library, "postern"))
    return temporary("OpenSSL does not take the provider:", openssl_reason());
  own_context = library;
  return Done{};
}

Result<PkeyPtr> KeyProvider::key_for(EVP_PKEY* public_key) {
  bool const is_rsa = EVP_PKEY_is_a(public_key, "RSA") == 1;
  if (!is_rsa && EVP_PKEY_is_a(public_key, "EC") != 1) return permanent("neither RSA nor ECDSA");
  std::string name = key_name_of(public_key);
  int bits = EVP_PKEY_get_bits(public_key), security = EVP_PKEY_get_security_bits(public_key),
      size = EVP_PKEY_get_size(public_key);
  OSSL_PARAM* known = nullptr;
  if (name.empty() || EVP_PKEY_todata(public_key, EVP_PKEY_PUBLIC_KEY, &known) != 1)
    return temporary("not a public key:", openssl_reason());
  OSSL_PARAM more[] = {OSSL_PARAM_construct_octet_string(name_parameter, name.data(), name.size()),
                       OSSL_PARAM_construct_int(OSSL_PKEY_PARAM_BITS, &bits),
                       OSSL_PARAM_construct_int(OSSL_PKEY_PARAM_SECURITY_BITS, &security),
                       OSSL_PARAM_construct_int(OSSL_PKEY_PARAM_MAX_SIZE, &size), OSSL_PARAM_construct_end()};
  OSSL_PARAM* const all = OSSL_PARAM_merge(known, more);
  PkeyContextPtr const context{EVP_PKEY_CTX_new_from_name(own_context, is_rsa ? "RSA" : "EC", nullptr)};
  EVP_PKEY* key = nullptr;
  bool const is_made = all && context && EVP_PKEY_fromdata_init(context.get()) == 1 &&
                       EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, all) == 1;
  OSSL_PARAM_free(all);
  OSSL_PARAM_free(known);
  if (!is_made) return temporary("OpenSSL does not take a key:", openssl_reason());
  return PkeyPtr{key};
}

}  // namespace postern
