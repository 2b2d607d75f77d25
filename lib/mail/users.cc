#include "lib/mail/users.h"

#include <cdb.h>

#include <array>
#include <cerrno>

#include "lib/core/ascii.h"
#include "lib/core/number.h"

namespace postern {

struct UsersDatabase::Handle {
  Fd file;
  cdb database{};
};

namespace {

// The value of a key, or nothing. It points into the mapped file.
Result<std::optional<std::string_view>> value_of(cdb& database, std::string_view key) {
  int const found = cdb_find(&database, key.data(), static_cast<unsigned>(key.size()));
  if (found < 0) return system_error("users/cdb: damaged; run 'postern user rebuild'");
  if (found == 0) return std::optional<std::string_view>{};
  const void* const value = cdb_getdata(&database);
  if (!value) return permanent("users/cdb: damaged; run 'postern user rebuild'");
  return std::optional{std::string_view{static_cast<const char*>(value), cdb_datalen(&database)}};
}

}  // namespace

Result<Mailbox> Mailbox::parse(Wire value) {
  std::array<std::string_view, 6> fields;
  std::string_view rest = value.bytes();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    bool const is_last = i + 1 == fields.size();
    std::size_t const end = rest.find('\0');
    if ((end == std::string_view::npos) != is_last) return permanent("users/cdb: a mailbox has not six fields");
    fields[i] = rest.substr(0, end);
    if (!is_last) rest.remove_prefix(end + 1);
  }
  if (fields[3].empty() || fields[3].front() != '/') return permanent("users/cdb: a home is not an absolute path");
  Uid const uid = TRY(Uid::parse(Wire{fields[1]}));
  Gid const gid = TRY(Gid::parse(Wire{fields[2]}));
  return Mailbox{std::string{fields[0]}, uid.number(),           gid.number(),
                 std::string{fields[3]}, std::string{fields[4]}, std::string{fields[5]}};
}

std::string quota_key(std::string_view user) {
  std::string key{"q"};
  return key += user;
}

Result<UsersDatabase> UsersDatabase::open(const Directory& users) {
  Fd file = TRY(users.open_file("cdb"));
  Handle* const handle = new Handle;
  if (cdb_init(&handle->database, file.number()) != 0) {
    int const number = errno;
    delete handle;
    if (number != EPROTO) return Error{Fate::temporary, "read", "users/cdb", number};
    return permanent("users/cdb: not a cdb file; run 'postern user rebuild'");
  }
  handle->file = std::move(file);
  return UsersDatabase{handle};
}

UsersDatabase::UsersDatabase(UsersDatabase&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

UsersDatabase& UsersDatabase::operator=(UsersDatabase&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

UsersDatabase::~UsersDatabase() {
  if (!handle_) return;
  cdb_free(&handle_->database);
  delete handle_;
}

Result<std::optional<Mailbox>> UsersDatabase::find(std::string_view local_name) const {
  auto mailbox = TRY(find_mailbox(local_name));
  if (!mailbox) return mailbox;
  auto const quota = TRY(value_of(handle_->database, quota_key(mailbox->user)));
  if (quota) mailbox->quota = TRY(Quota::parse(Wire{*quota}));
  return mailbox;
}

Result<std::optional<Mailbox>> UsersDatabase::find_mailbox(std::string_view local_name) const {
  constexpr std::size_t longest_name = 400;  // a prefix and a local part are shorter
  if (local_name.size() > longest_name) return std::optional<Mailbox>{};
  std::string key = "!" + to_lower(local_name);
  key += '\0';
  if (auto const value = TRY(value_of(handle_->database, key))) return std::optional{TRY(Mailbox::parse(Wire{*value}))};

  auto const wild = TRY(value_of(handle_->database, ""));
  std::string const last_characters{wild.value_or("")};
  for (std::size_t length = local_name.size(); length > 0; --length) {
    if (last_characters.find(key[length]) == std::string::npos) continue;
    auto const value = TRY(value_of(handle_->database, std::string_view{key}.substr(0, length + 1)));
    if (!value) continue;
    Mailbox mailbox = TRY(Mailbox::parse(Wire{*value}));
    mailbox.extension += local_name.substr(length);
    return std::optional{std::move(mailbox)};
  }
  if (auto const value = TRY(value_of(handle_->database, "!"))) {  // the prefix of all names
    Mailbox mailbox = TRY(Mailbox::parse(Wire{*value}));
    mailbox.extension += local_name;
    return std::optional{std::move(mailbox)};
  }
  return std::optional<Mailbox>{};
}

}  // namespace postern
