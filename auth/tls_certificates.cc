#include "auth/tls_certificates.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

#include <algorithm>
#include <tuple>

#include "auth/key_provider.h"
#include "lib/core/ascii.h"
#include "lib/net/dns_protocol.h"
#include "lib/os/io.h"
#include "lib/os/log.h"

namespace postern {
namespace {

constexpr std::size_t largest_file = 256u << 10;
constexpr std::size_t most_files = 512;
constexpr std::size_t longest_chain = 10;
constexpr std::string_view suffix = ".pem";
constexpr std::int64_t day = 86400;

int no_password(char*, int, int, void*) { return -1; }

std::int64_t end_of(const X509* certificate) {
  tm when{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &when) != 1) return 0;
  return timegm(&when);
}

bool is_pattern(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  return is_dns_host_name(name);
}

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  auto* const all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* const entry = sk_GENERAL_NAME_value(all, i);
    if (entry->type != GEN_DNS) continue;
    auto const length = static_cast<std::size_t>(ASN1_STRING_length(entry->d.dNSName));
    std::string name = to_lower(digest_bytes(ASN1_STRING_get0_data(entry->d.dNSName), length));
    if (is_pattern(name)) names.push_back(std::move(name));
  }
  GENERAL_NAMES_free(all);
  return names;
}

// RFC 5929 4.1: by the digest of the certificate's signature, but SHA-256 where that is MD5 or SHA-1.
std::string end_point_of(X509* certificate) {
  int digest = NID_undef;
  if (X509_get_signature_info(certificate, &digest, nullptr, nullptr, nullptr) != 1) return {};
  if (digest == NID_md5 || digest == NID_sha1) digest = NID_sha256;
  const EVP_MD* const kind = EVP_get_digestbynid(digest);
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (!kind || X509_digest(certificate, kind, bytes, &length) != 1) return {};
  return std::string{digest_bytes(bytes, length)};
}

Result<TlsCertificate> read_certificate(const Directory& directory, const std::string& name) {
  auto const file = TRY(directory.open_file(name));
  std::string const text = TRY(read_all(file.number(), largest_file));
  TlsCertificate certificate = TRY(TlsCertificate::from_pem(text));
  certificate.file = name;
  return certificate;
}

}  // namespace

Result<TlsCertificate> TlsCertificate::from_pem(std::string_view text) {
  BioPtr const source{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
  if (!source) return temporary("out of memory");
  TlsCertificate certificate;
  certificate.leaf.reset(PEM_read_bio_X509(source.get(), nullptr, no_password, nullptr));
  if (!certificate.leaf) return permanent("no certificate in PEM:", openssl_reason());
  while (X509* const next = PEM_read_bio_X509(source.get(), nullptr, no_password, nullptr)) {
    certificate.chain.emplace_back(next);
    if (certificate.chain.size() > longest_chain) return permanent("a chain of too many certificates");
  }
  unsigned long const why = ERR_peek_last_error();
  ERR_clear_error();
  if (ERR_GET_REASON(why) != PEM_R_NO_START_LINE) return permanent("a chain with something that is no certificate");
  EVP_PKEY* const public_key = X509_get0_pubkey(certificate.leaf.get());
  if (!public_key) return permanent("a certificate without a public key");
  certificate.key = TRY(KeyProvider::key_for(public_key));
  certificate.is_rsa = EVP_PKEY_is_a(public_key, "RSA") == 1;
  certificate.names = names_of(certificate.leaf.get());
  certificate.expires = end_of(certificate.leaf.get());
  certificate.end_point = end_point_of(certificate.leaf.get());
  return certificate;
}

bool TlsCertificate::is_for(std::string_view name) const {
  std::size_t const dot = name.find('.');
  for (const std::string& own : names) {
    if (own == name) return true;
    if (own.front() == '*' && dot != std::string_view::npos && std::string_view{own}.substr(1) == name.substr(dot)) return true;
  }
  return false;
}

Result<TlsCertificates> TlsCertificates::load(const Directory& directory, std::string_view me) {
  TlsCertificates certificates;
  auto names = TRY(directory.names());
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (!name.ends_with(suffix) || name.front() == '.') continue;
    if (certificates.all_.size() == most_files) {
      LogLine{"certificate"}.add("file", name).add("error", "there are too many").write();
      break;
    }
    auto certificate = read_certificate(directory, name);
    if (certificate)
      certificates.all_.push_back(*std::move(certificate));
    else
      LogLine{"certificate"}.add("file", name).add("error", certificate.error().text()).write();
  }
  certificates.default_name_ = to_lower(me);
  return certificates;
}

const TlsCertificate* TlsCertificates::best(std::string_view name, bool is_rsa) const {
  std::int64_t const now = time(nullptr);
  auto const rank = [now, name](const TlsCertificate& certificate) {
    bool const is_exact = std::find(certificate.names.begin(), certificate.names.end(), name) != certificate.names.end();
    return std::tuple{certificate.expires > now, is_exact, certificate.expires};
  };
  const TlsCertificate* found = nullptr;
  for (const TlsCertificate& certificate : all_)
    if (certificate.is_rsa == is_rsa && certificate.is_for(name) && (!found || rank(certificate) > rank(*found)))
      found = &certificate;
  return found;
}

std::vector<const TlsCertificate*> TlsCertificates::for_name(std::string_view name) const {
  for (std::string_view const wanted : {name, std::string_view{default_name_}}) {
    std::vector<const TlsCertificate*> found;
    if (wanted.empty()) continue;
    for (bool const is_rsa : {false, true})
      if (const TlsCertificate* const certificate = best(wanted, is_rsa)) found.push_back(certificate);
    if (!found.empty()) return found;
  }
  if (all_.empty()) return {};
  return {&all_.front()};
}

void TlsCertificates::warn(std::int64_t now) const {
  for (const TlsCertificate& certificate : all_) {
    std::int64_t const left = certificate.expires - now;
    if (left >= 30 * day) continue;
    std::string_view const state = left <= 0 ? "expired" : left < 7 * day ? "ends within 7 days" : "ends within 30 days";
    LogLine line{"expiry"};
    line.add("file", certificate.file).add("state", state);
    if (left > 0) line.add("days", static_cast<std::uint64_t>(left / day));
    line.write();
  }
}

}  // namespace postern
