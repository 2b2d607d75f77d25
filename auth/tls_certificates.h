// tls_certificates - the certificates that this host shows, and which of them it shows to whom
//
// Each file tls/certs/NAME.pem is a chain: the host's certificate first, then what leads to an authority. Keys are not here.
// For a name there may be one with an RSA and one with an ECDSA key; the handshake takes the one that the client knows.
#pragma once

#include <vector>

#include "auth/openssl_types.h"
#include "lib/os/directory.h"

namespace postern {

struct TlsCertificate {
  std::string file;  // NAME.pem
  X509Ptr leaf;
  std::vector<X509Ptr> chain;      // without the leaf
  PkeyPtr key;                     // one of KeyProvider
  std::vector<std::string> names;  // of subjectAltName: host names, lower case; "*.example" too
  std::int64_t expires = 0;        // seconds since 1970
  bool is_rsa = false;
  std::string end_point;  // tls-server-end-point (RFC 5929 4.1); empty where it is not defined

  static Result<TlsCertificate> from_pem(std::string_view text);  // without `file`
  bool is_for(std::string_view name) const;
};

class TlsCertificates {
 public:
  // A file that is of no use is said in the log and left out.
  static Result<TlsCertificates> load(const Directory& directory, std::string_view me);

  bool is_empty() const { return all_.empty(); }
  std::size_t size() const { return all_.size(); }
  // At most one of each kind: those that are for `name`; where none is, those for control/me; else the first file's.
  std::vector<const TlsCertificate*> for_name(std::string_view name) const;
  // Whose end is less than 30 days ahead: a line in the log each.
  void warn(std::int64_t now) const;

 private:
  const TlsCertificate* best(std::string_view name, bool is_rsa) const;
  std::vector<TlsCertificate> all_;
  std::string default_name_;
};

}  // namespace postern
