// control/accounts of any content: never root's number, and every account is there.
#include "lib/os/account.h"

#include <stdlib.h>

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  Wire const text{std::string_view{reinterpret_cast<const char*>(data), size}};
  if (auto const uid = Uid::parse(text); uid && uid->number() == 0) abort();
  if (auto const gid = Gid::parse(text); gid && gid->number() == 0) abort();
  auto const accounts = Accounts::parse(text);
  if (!accounts) return 0;
  for (std::size_t i = 0; i < account_count; ++i) {
    uid_t const uid = accounts->uid_of(static_cast<Account>(i));
    if (uid == 0 || uid == static_cast<uid_t>(-1) || !accounts->account_of(uid)) abort();
  }
  if (accounts->account_of(0)) abort();
  return 0;
}
