#include "auth/remembered_logins.h"

#include "auth/secret_digest.h"
#include "lib/core/netstring.h"
#include "lib/core/wipe.h"

namespace postern {

std::string RememberedLogins::digest(char kind, std::string_view login, std::string_view service, std::string_view proof) const {
  std::string text;
  Wiped const wiped{text};
  text.reserve(64 + login.size() + service.size() + proof.size());  // so that it never moves
  text += kind;
  append_netstring(text, login);
  append_netstring(text, service);
  append_netstring(text, proof);
  return hmac_sha256(key_, text);
}

std::optional<std::string> RememberedLogins::find(char kind, std::string_view login, std::string_view service,
                                                  std::string_view proof, Milliseconds now) const {
  auto const found = successes_.find(digest(kind, login, service, proof));
  if (found == successes_.end() || now >= found->second.until) return std::nullopt;
  return found->second.as;
}

// One that is known already keeps its time: ten minutes from the check, not from the last use.
void RememberedLogins::add(char kind, std::string_view login, std::string_view service, std::string_view proof,
                           std::string_view as, Milliseconds now) {
  while (!order_.empty() && (order_.size() >= most || successes_.at(order_.front()).until <= now)) {
    successes_.erase(order_.front());
    order_.pop_front();
  }
  std::string key = digest(kind, login, service, proof);
  if (successes_.emplace(key, Success{now + kept, std::string{as}}).second) order_.push_back(std::move(key));
}

void RememberedLogins::forget() {
  successes_.clear();
  order_.clear();
}

}  // namespace postern
