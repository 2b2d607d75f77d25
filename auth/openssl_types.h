// openssl_types - OpenSSL's objects, owned: freed exactly once
#pragma once

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace postern {

template <auto release>
struct Releases {
  template <class T>
  void operator()(T* object) const {
    release(object);
  }
};

using BioPtr = std::unique_ptr<BIO, Releases<&BIO_free>>;
using PkeyPtr = std::unique_ptr<EVP_PKEY, Releases<&EVP_PKEY_free>>;
using PkeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, Releases<&EVP_PKEY_CTX_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, Releases<&EVP_MD_CTX_free>>;
using X509Ptr = std::unique_ptr<X509, Releases<&X509_free>>;
using SslContextPtr = std::unique_ptr<SSL_CTX, Releases<&SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Releases<&SSL_free>>;

// The oldest of OpenSSL's reasons, which is where the trouble began, and none of them afterwards.
inline std::string openssl_reason() {
  unsigned long const code = ERR_peek_error();
  const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return reason ? reason : "no reason is known";
}

// Reads no configuration file, then or later, and registers nothing that would run at exit.
inline bool start_openssl() {
  return OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ATEXIT, nullptr) == 1;
}

inline std::string_view digest_bytes(const unsigned char* bytes, std::size_t length) {
  return {reinterpret_cast<const char*>(bytes), length};
}

}  // namespace postern
