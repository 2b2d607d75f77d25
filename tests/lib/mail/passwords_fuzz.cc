// users/passwords: whatever is taken is written back byte for byte, and holds nothing that could be another line. So do a
// login, a hash, SCRAM keys, an app password and a line alone.
#include "lib/mail/passwords.h"

#include <stdlib.h>

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  if (auto const login = Login::parse(Wire{text}); login && login->text() != text) abort();
  if (auto const hash = PasswordHash::parse(Wire{text}); hash && hash->text() != text) abort();
  if (auto const keys = ScramKeys::parse(Wire{text}); keys && keys->encoded() != text) abort();
  if (auto const app = AppPassword::parse(Wire{text}); app && app->encoded() != text) abort();
  if (auto const entry = PasswordEntry::parse(Wire{text}); entry && entry->encoded() != text) abort();
  if (auto const typed = canonical_app_password(text); typed && canonical_app_password(*typed) != *typed) abort();
  auto const passwords = Passwords::parse(Wire{text});
  if (!passwords) return 0;
  if (passwords->encoded() != text) abort();
  for (const PasswordEntry& entry : passwords->entries())
    if (passwords->find(entry.login.text()) != &entry ||
        (entry.hash && entry.hash->text().find_first_of(":\n*!") != std::string::npos))
      abort();
  return 0;
}
