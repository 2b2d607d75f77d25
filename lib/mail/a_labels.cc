#include "lib/mail/a_labels.h"

#include <idn2.h>

#include "lib/core/wire.h"

namespace postern {

Result<std::string> a_labels(const Domain& domain) {
  if (domain.is_ascii()) return domain.text();
  char* found = nullptr;
  int const status = idn2_to_ascii_8z(domain.text().c_str(), &found, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  std::string const name{status == IDN2_OK && found != nullptr ? found : ""};
  idn2_free(found);
  auto const ascii = Domain::parse(Wire{name});
  if (!ascii || !ascii->is_ascii()) return permanent("5.1.2 not a domain name in any script:", domain.text());
  return ascii->text();
}

std::string u_labels(const Domain& domain) {
  char* found = nullptr;
  int const status = idn2_to_unicode_8z8z(domain.text().c_str(), &found, 0);
  std::string name{status == IDN2_OK && found != nullptr ? found : domain.text()};
  idn2_free(found);
  auto const own = Domain::parse(Wire{name});
  auto const back = own ? a_labels(*own) : Result<std::string>{own.error()};
  return back && *back == domain.text() ? name : domain.text();
}

}  // namespace postern
