#include "lib/os/account.h"

#include "lib/core/ascii.h"
#include "lib/core/number.h"
#include "lib/os/directory.h"
#include "lib/os/io.h"

namespace postern {
namespace {

constexpr std::uint64_t largest_id = 4'294'967'294u;  // 2^32 - 1 means "no change" to the kernel

std::string_view next_word(std::string_view& line) {
  line = trimmed(line);
  std::size_t const end = line.find_first_of(" \t");
  std::string_view const word = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end);
  return word;
}

}  // namespace

Result<Uid> Uid::parse(Wire digits) { return from(static_cast<uid_t>(TRY(parse_number(digits, largest_id)))); }

Result<Uid> Uid::from(uid_t number) {
  if (number == 0) return permanent("user id: 0 is root's");
  return Uid{number};
}

Result<Gid> Gid::parse(Wire digits) { return from(static_cast<gid_t>(TRY(parse_number(digits, largest_id)))); }

Result<Gid> Gid::from(gid_t number) {
  if (number == 0) return permanent("group id: 0 is root's");
  return Gid{number};
}

Result<Accounts> Accounts::parse(Wire file) {
  Accounts accounts;
  std::string_view rest = file.bytes();
  while (!rest.empty()) {
    std::size_t const end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    std::string_view const name = next_word(line);
    for (std::size_t i = 0; i < account_count; ++i)
      if (name == account_names[i]) accounts.uids_[i] = TRY(Uid::parse(Wire{next_word(line)})).number();
  }
  for (std::size_t i = 0; i < account_count; ++i)
    if (accounts.uids_[i] == 0) return permanent("control/accounts: a user is missing; run setup-accounts:", account_names[i]);
  return accounts;
}

Result<Accounts> Accounts::read(const Directory& control) {
  Fd const file = TRY(control.open_file("accounts"));
  std::string const text = TRY(read_all(file.number(), 65536));
  return parse(Wire{text});
}

std::optional<Account> Accounts::account_of(uid_t uid) const {
  for (std::size_t i = 0; i < account_count; ++i)
    if (uids_[i] == uid) return static_cast<Account>(i);
  return std::nullopt;
}

}  // namespace postern
