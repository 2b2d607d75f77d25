#include "auth/password_store.h"

#include <algorithm>
#include <map>

#include "auth/secret_digest.h"
#include "lib/core/ascii.h"
#include "lib/os/io.h"
#include "lib/os/log.h"

namespace postern {
namespace {

constexpr std::uint32_t iterations_without_keys = 100'000;  // what `postern user` makes
constexpr std::size_t seed_length = 32, largest_seed = 4096;
constexpr std::array<const char*, 5> setting_names = {"me", "locals", "virtualdomains", "trustedclients", "checkers"};

// A seed that lasts, so that a login that does not exist shows the same salt after a restart; else one for this process.
Result<std::string> read_seed(const Directory& users) {
  auto const file = users.open_file("seed");
  if (file) {
    std::string seed = TRY(read_all(file->number(), largest_seed));
    if (seed.size() >= seed_length) return seed;
  } else if (!is_missing(file.error())) {
    return file.error();
  }
  LogLine{"settings"}.add("error", "users/seed: missing or too short").add("counts", "a seed until the next start").write();
  return random_bytes(seed_length);
}

std::uint32_t usual_iterations_of(const Passwords& passwords) {
  std::map<std::uint32_t, std::size_t> counts;
  std::pair<std::uint32_t, std::size_t> usual{iterations_without_keys, 0};
  for (const PasswordEntry& entry : passwords.entries()) {
    if (!entry.scram) continue;
    std::size_t const count = ++counts[entry.scram->iterations];
    if (count > usual.second) usual = {entry.scram->iterations, count};
  }
  return usual.first;
}

Result<std::vector<Checker>> read_checkers(const Control& control) {
  auto const lines = TRY(control.list<"checkers">());
  return parse_checkers(lines.value_or(std::vector<std::string>{}));
}

// An error only where another look may find it mended by itself: what is wrong in a file stays wrong until it is changed.
Status say_wrong(const Error& error) {
  LogLine{"settings"}.add("error", error.text()).add("counts", "what was before").write();
  if (error.is_permanent()) return Done{};
  return error;
}

}  // namespace

bool PasswordStore::Identity::operator==(const Identity& other) const {
  return inode == other.inode && size == other.size && changed.tv_sec == other.changed.tv_sec &&
         changed.tv_nsec == other.changed.tv_nsec;
}

Result<PasswordStore> PasswordStore::open() {
  PasswordStore store{TRY(Control::open()), TRY(Directory::open("users"))};
  store.seed_ = TRY(read_seed(store.users_));
  store.seen_ = store.look();
  TRY(Routes::read(store.control_));  // said at once, and not with the first login
  TRY(store.read_settings());
  TRY(store.read_passwords());
  return store;
}

PasswordStore::Identities PasswordStore::look() const {
  Identities found{};
  auto const take = [](const Result<struct stat>& status, Identity& to) {
    if (status) to = {status->st_ino, status->st_size, status->st_ctim};
  };
  take(users_.status_of("passwords"), found[0]);
  for (std::size_t i = 0; i < setting_names.size(); ++i) take(control_.directory().status_of(setting_names[i]), found[i + 1]);
  return found;
}

// What could not be read is not seen yet: the next question tries again.
bool PasswordStore::refresh() {
  Identities const now = look();
  if (now == seen_) return false;
  if (!(now[0] == seen_[0]) && read_passwords()) seen_[0] = now[0];
  bool const are_settings_new = !std::equal(now.begin() + 1, now.end(), seen_.begin() + 1);
  if (are_settings_new && read_settings()) std::copy(now.begin() + 1, now.end(), seen_.begin() + 1);
  return true;
}

Status PasswordStore::read_passwords() {
  auto const file = users_.open_file("passwords");
  if (!file && is_missing(file.error())) {
    passwords_ = Passwords{};
  } else {
    auto const text = file ? read_all(file->number(), largest_passwords_file) : Result<std::string>{file.error()};
    auto passwords = text ? Passwords::parse(Wire{*text}) : Result<Passwords>{text.error()};
    if (!passwords) return say_wrong(passwords.error());
    passwords_ = *std::move(passwords);
  }
  usual_iterations_ = usual_iterations_of(passwords_);
  LogLine{"passwords"}.add("logins", std::uint64_t{passwords_.entries().size()}).write();
  return Done{};
}

Status PasswordStore::read_settings() {
  Status all = Done{};
  auto const take = [&](auto value, auto& to) {
    if (value)
      to = *std::move(value);
    else if (auto said = say_wrong(value.error()); !said)
      all = std::move(said);
  };
  take(Routes::read(control_), routes_);
  take(TrustedClients::read(control_), trusted_);
  take(read_checkers(control_), checkers_);
  return all;
}

std::string PasswordStore::checkers_of(const Login& login) const {
  std::string letters;
  for (const Checker& checker : checkers_) {
    char const letter = checker.is_shadow() ? 's' : 'c';
    if (checker.is_for(login) && letters.find(letter) == std::string::npos) letters += letter;
  }
  return letters;
}

std::optional<Login> PasswordStore::login_of(std::string_view typed) const {
  std::string const name = to_lower(typed);
  auto login = Login::parse(Wire{name});
  if (!login) return std::nullopt;
  if (!login->is_virtual()) return *std::move(login);
  auto const address = Address::parse(Wire{login->text()});
  if (!address || !routes_ || !routes_->is_local(address->domain())) return *std::move(login);
  auto own = Login::parse(Wire{login->local_part()});
  if (!own) return std::nullopt;
  return *std::move(own);
}

Result<std::optional<Mailbox>> PasswordStore::mailbox_of(const Login& login) const {
  std::string name = login.text();
  if (login.is_virtual()) {
    auto const address = Address::parse(Wire{name});
    if (!address || !routes_) return std::optional<Mailbox>{};
    Route const route = routes_->route(*address);
    if (route.kind != Route::Kind::local) return std::optional<Mailbox>{};
    name = route.name;
  }
  auto const database = TRY(UsersDatabase::open(users_));
  auto mailbox = database.find(name);
  bool const is_whole = !mailbox || !*mailbox || ((*mailbox)->dash.empty() && (*mailbox)->extension.empty());
  if (!is_whole) return std::optional<Mailbox>{};  // somebody's sub-address
  return mailbox;
}

}  // namespace postern
