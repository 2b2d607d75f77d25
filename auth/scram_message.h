// scram_message - what a SCRAM client sends (RFC 5802 §7)
#pragma once

#include <string>

#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

// client-first-message: "n,,n=user,r=nonce". A mandatory extension (m=) is an error, others are passed over.
struct ScramFirst {
  enum class Binding : char { none = 'n', unused = 'y', used = 'p' };  // gs2-cbind-flag
  Binding binding = Binding::none;
  std::string binding_name;  // of `used`: "tls-exporter"
  std::string authzid;       // who to be, unescaped; or empty
  std::string header;        // gs2-header as it was sent, with its last comma
  std::string bare;          // client-first-message-bare, likewise
  std::string login;         // unescaped, never empty
  std::string nonce;         // never empty

  static Result<ScramFirst> parse(Wire message);
};

// client-final-message: "c=biws,r=nonce,p=proof".
struct ScramFinal {
  std::string binding;  // what c= stands for: the gs2-header and the data of the channel
  std::string nonce;
  std::string without_proof;  // as it was sent
  std::string proof;          // bytes

  static Result<ScramFinal> parse(Wire message);
};

}  // namespace postern
