#include "auth/scram_exchange.h"

#include "auth/secret_digest.h"
#include "lib/core/base64.h"
#include "lib/core/number.h"
#include "lib/core/wipe.h"

namespace postern {
namespace {

constexpr std::string_view plus = "SCRAM-SHA-256-PLUS";

// What the client must bind the exchange to: nothing, or the channel. A client that says it can and thinks that the server
// cannot ('y'), where the server can, was lied to about the mechanisms (RFC 5802 §6).
Result<std::string> binding_of(const ScramFirst& first, const AuthContext& context, std::string_view mechanism) {
  bool const is_plus = mechanism == plus;
  if (is_plus != (first.binding == ScramFirst::Binding::used))
    return permanent("SCRAM: channel binding and mechanism do not fit");
  if (!is_plus) {
    bool const is_offered = !context.exporter.empty() || !context.end_point.empty();
    if (first.binding == ScramFirst::Binding::unused && is_offered) return permanent("SCRAM: the client was not offered -PLUS");
    return std::string{};
  }
  std::string_view const name = first.binding_name;
  const std::string& data = name == "tls-exporter" ? context.exporter : context.end_point;
  if ((name != "tls-exporter" && name != "tls-server-end-point") || data.empty())
    return permanent("SCRAM: this connection has no such channel binding");
  return data;
}

}  // namespace

Result<ScramExchange> ScramExchange::start(const ScramFirst& first, const ScramKeys& keys, const AuthContext& context,
                                           std::string_view mechanism, std::string_view server_nonce) {
  if (mechanism != plus && mechanism != "SCRAM-SHA-256") return permanent("no such mechanism");
  if (!first.authzid.empty() && first.authzid != first.login) return permanent("SCRAM: nobody may be somebody else");
  ScramExchange exchange;
  exchange.binding_ = first.header + TRY(binding_of(first, context, mechanism));
  exchange.nonce_ = first.nonce;
  exchange.nonce_ += server_nonce;
  exchange.client_bare_ = first.bare;
  exchange.server_first_ = "r=" + exchange.nonce_ + ",s=" + base64(keys.salt) + ",i=" + decimal(keys.iterations);
  exchange.stored_key_ = keys.stored_key;
  exchange.server_key_ = keys.server_key;
  return exchange;
}

ScramExchange::Outcome ScramExchange::finish(const ScramFinal& final) const {
  std::string const message = client_bare_ + "," + server_first_ + "," + final.without_proof;
  std::string client_key = hmac_sha256(stored_key_, message);  // the signature; the proof is it XOR the key
  Wiped const wiped{client_key};
  bool const is_whole = final.proof.size() == client_key.size();
  for (std::size_t i = 0; is_whole && i < client_key.size(); ++i)
    client_key[i] = static_cast<char>(client_key[i] ^ final.proof[i]);
  bool const is_proof = is_same_secret(sha256(client_key), stored_key_);
  if (!is_whole || !is_proof || final.nonce != nonce_ || !is_same_secret(final.binding, binding_)) return {};
  return {true, Secret{client_key}, "v=" + base64(hmac_sha256(server_key_, message))};
}

}  // namespace postern
