// Names of files in a Maildir: whatever one is, its parts lie in it, and flags and sizes can be set anew.
#include "lib/mail/maildir_name.h"

#include <stdlib.h>

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  auto const name = MaildirName::parse(Wire{text});
  if (!name) return 0;
  if (name->unique.empty() || !text.starts_with(name->unique) || !text.ends_with(name->info)) abort();
  std::string const info = info_with_flag(name->info, 'S');
  std::string const sized = sized_maildir_name(name->unique, 12, 34, info);
  if (sized.size() > maildir_name_most) return 0;
  auto const again = MaildirName::parse(Wire{sized});
  if (!again || again->bytes != 12u || again->octets != 34u || again->info != info) abort();
  if (again->unique != name->unique && !name->unique.starts_with(again->unique)) abort();
  if (info_with_flag(info, 'S') != info) abort();
  return 0;
}
