#include "local/maildir_file.h"

#include <unistd.h>

#include <utility>

#include "lib/core/clock.h"
#include "lib/core/number.h"
#include "lib/os/io.h"

namespace postern {
namespace {

constexpr int most_names_tried = 10;
constexpr std::size_t longest_host = 160;  // so that the name has room for sizes and flags

// Unique for this host: time, process, and a count of this process's own.
std::string fresh_name(std::string_view host) {
  static unsigned count = 0;
  auto const now = static_cast<std::uint64_t>(wall_now().time_since_epoch().count());
  std::string name = decimal(now / 1'000'000);
  name += ".M" + decimal(now % 1'000'000) + "P" + decimal(static_cast<std::uint64_t>(getpid())) + "Q" + decimal(++count) + ".";
  for (char const c : host.substr(0, longest_host)) name += c == '/' || c == ':' || c == ',' ? '_' : c;
  return name;
}

}  // namespace

Result<MaildirFile> MaildirFile::create(const Directory& maildir, std::string_view host) {
  Directory tmp = TRY(maildir.open_directory("tmp"));
  Directory new_directory = TRY(maildir.open_directory("new"));
  for (int tried = 1;; ++tried) {
    std::string name = fresh_name(host);
    auto file = tmp.create_file(name, 0600);
    if (file) return MaildirFile{std::move(tmp), std::move(new_directory), std::move(name), *std::move(file)};
    if (file.error().number() != EEXIST || tried == most_names_tried) return std::move(file).error();
  }
}

MaildirFile::MaildirFile(MaildirFile&& other) noexcept
    : tmp_(std::move(other.tmp_)),
      new_(std::move(other.new_)),
      name_(std::exchange(other.name_, {})),
      file_(std::move(other.file_)) {}

MaildirFile::~MaildirFile() {
  if (!name_.empty()) static_cast<void>(tmp_.unlink(name_).has_value());  // else mail readers remove it after 36 hours
}

Status MaildirFile::commit(const MessageSize& size) {
  std::string const final_name = sized_maildir_name(name_, size.bytes(), size.octets(), {});
  TRY(tmp_.link(name_, new_, final_name));
  if (auto synced = sync_file(file_.number()); !synced) {
    TRY(new_.unlink(final_name));
    return std::move(synced).error();
  }
  return Done{};
}

Result<Directory> junk_folder(const Directory& maildir) {
  constexpr const char* folder = ".Junk";
  auto const make = [](const Directory& in, const char* name) -> Status {
    auto made = in.make_directory(name, 0700);
    if (!made && made.error().number() != EEXIST) return made;
    return Done{};
  };
  TRY(make(maildir, folder));
  Directory junk = TRY(maildir.open_directory(folder));
  // Also when the folder was there: another delivery may be making it just now.
  for (const char* const name : {"tmp", "new", "cur"}) TRY(make(junk, name));
  return junk;
}

}  // namespace postern
