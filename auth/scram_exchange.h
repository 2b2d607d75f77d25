// scram_exchange - the server's side of one SCRAM-SHA-256 exchange (RFC 5802 §3, §5, §6; RFC 7677)
#pragma once

#include <string>
#include <string_view>

#include "auth/scram_message.h"
#include "auth/secret_word.h"
#include "lib/mail/passwords.h"
#include "lib/net/auth_protocol.h"

namespace postern {

class ScramExchange {
 public:
  // `keys` are the login's, or made up where it has none; then no proof is right. An error: the client may not go on like this
  // (a channel binding that does not fit the mechanism or the connection, or somebody who wants to be somebody else).
  static Result<ScramExchange> start(const ScramFirst& first, const ScramKeys& keys, const AuthContext& context,
                                     std::string_view mechanism, std::string_view server_nonce);

  const std::string& server_first() const { return server_first_; }
  bool is_of(const ScramKeys& keys) const { return keys.stored_key == stored_key_ && keys.server_key == server_key_; }
  struct Outcome {
    bool is_right = false;
    Secret client_key = {};         // of a right one; as good as the password for SCRAM
    std::string server_final = {};  // likewise
  };
  Outcome finish(const ScramFinal& final) const;

 private:
  ScramExchange() = default;
  std::string nonce_, binding_, client_bare_, server_first_;
  std::string stored_key_, server_key_;
};

}  // namespace postern
