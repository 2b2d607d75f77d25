// AddressList::parse on any bytes: the completed text reads as the same addresses, and is then complete.
#include "lib/mail/address_list.h"

#include <stdlib.h>

#include "lib/core/ascii.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const Completion completion = *Completion::make("host", "dom.example", "plus.example");
  auto const list = AddressList::parse(Wire{std::string_view{reinterpret_cast<const char*>(data), size}}, completion);
  if (!list) return 0;
  if (list->text().size() < size) abort();  // only a plus sign is ever taken away, and its domain is longer
  auto const again = AddressList::parse(Wire{list->text()}, completion);
  if (!again || again->text() != list->text() || again->addresses().size() != list->addresses().size()) abort();
  for (std::size_t i = 0; i < list->addresses().size(); ++i) {
    const ListedAddress& entry = list->addresses()[i];
    if (!(entry.address == again->addresses()[i].address) || entry.name != again->addresses()[i].name) abort();
    for (char const c : entry.address.text())
      if (is_control(c)) abort();
  }
  return 0;
}
