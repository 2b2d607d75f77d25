#include "auth/scram_message.h"

#include "lib/core/ascii.h"
#include "lib/core/base64.h"

namespace postern {
namespace {

// What stands up to the next comma, which goes with it; nothing behind the last one.
class Attributes {
 public:
  explicit Attributes(std::string_view text) : rest_(text) {}
  bool is_at_end() const { return is_at_end_; }
  std::string_view rest() const { return rest_; }
  std::string_view next() {
    std::size_t const comma = rest_.find(',');
    std::string_view const one = rest_.substr(0, comma);
    is_at_end_ = comma == std::string_view::npos;
    rest_.remove_prefix(is_at_end_ ? rest_.size() : comma + 1);
    return one;
  }
  // The value behind "X=", which must not be empty.
  Result<std::string_view> value(char name) {
    std::string_view const one = is_at_end_ ? std::string_view{} : next();
    if (one.size() < 3 || one[0] != name || one[1] != '=') return permanent("SCRAM: an attribute is missing, or out of order");
    return one.substr(2);
  }

 private:
  std::string_view rest_;
  bool is_at_end_ = false;
};

Status check_text(std::string_view message) {
  if (!is_valid_utf8(message) || message.find('\0') != std::string_view::npos) return permanent("SCRAM: not UTF-8, or a NUL");
  return Done{};
}

// saslname: "=2C" is a comma, "=3D" an equals sign, and no other "=" stands there.
Result<std::string> unescaped(std::string_view text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string_view const escape = text.substr(i, 3);
    if (text[i] != '=') {
      name += text[i];
      continue;
    }
    if (escape != "=2C" && escape != "=3D") return permanent("SCRAM: = in a name");
    name += escape == "=2C" ? ',' : '=';
    i += 2;
  }
  return name;
}

Result<std::string> nonce_of(std::string_view text) {
  for (char const c : text)
    if (!is_graphic(c)) return permanent("SCRAM: a nonce that is not printable");
  return std::string{text};
}

bool is_extension(std::string_view text) { return text.size() >= 3 && is_alpha(text[0]) && text[0] != 'm' && text[1] == '='; }

Status take_binding(std::string_view flag, ScramFirst& first) {
  if (flag == "n" || flag == "y") {
    first.binding = static_cast<ScramFirst::Binding>(flag[0]);
    return Done{};
  }
  if (!flag.starts_with("p=") || flag.size() == 2) return permanent("SCRAM: not a gs2-header");
  first.binding = ScramFirst::Binding::used;
  first.binding_name = flag.substr(2);
  for (char const c : first.binding_name)
    if (!is_alnum(c) && c != '.' && c != '-') return permanent("SCRAM: not a name of a channel binding");
  return Done{};
}

}  // namespace

Result<ScramFirst> ScramFirst::parse(Wire wire) {
  std::string_view const message = wire.bytes();
  TRY(check_text(message));
  ScramFirst first;
  Attributes attributes{message};
  TRY(take_binding(attributes.next(), first));
  std::string_view const authzid = attributes.is_at_end() ? std::string_view{"?"} : attributes.next();
  if (!authzid.empty()) {
    if (!authzid.starts_with("a=") || authzid.size() == 2) return permanent("SCRAM: not a gs2-header");
    first.authzid = TRY(unescaped(authzid.substr(2)));
  }
  first.bare = attributes.rest();
  first.header = message.substr(0, message.size() - first.bare.size());
  first.login = TRY(unescaped(TRY(attributes.value('n'))));
  first.nonce = TRY(nonce_of(TRY(attributes.value('r'))));
  while (!attributes.is_at_end())
    if (!is_extension(attributes.next())) return permanent("SCRAM: an extension that is none");
  return first;
}

Result<ScramFinal> ScramFinal::parse(Wire wire) {
  std::string_view const message = wire.bytes();
  TRY(check_text(message));
  std::size_t const last = message.rfind(',');
  if (last == std::string_view::npos || !message.substr(last).starts_with(",p=")) return permanent("SCRAM: no proof at the end");
  ScramFinal final;
  final.without_proof = message.substr(0, last);
  final.proof = TRY(from_base64(Wire{message.substr(last + 3)}));
  Attributes attributes{final.without_proof};
  final.binding = TRY(from_base64(Wire{TRY(attributes.value('c'))}));
  final.nonce = TRY(nonce_of(TRY(attributes.value('r'))));
  while (!attributes.is_at_end())
    if (!is_extension(attributes.next())) return permanent("SCRAM: an extension that is none");
  return final;
}

}  // namespace postern
