#include "remote/a_labels.h"

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

}  // namespace postern
