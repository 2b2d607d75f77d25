#include "tools/user_quota.h"

#include "lib/core/json_text.h"
#include "lib/core/number.h"
#include "lib/mail/full_flag.h"
#include "lib/mail/maildir_count.h"
#include "lib/os/io.h"
#include "tools/text_table.h"

namespace postern {
namespace {

// The Maildir, if there is one. Below the home nothing is a symbolic link.
Result<std::optional<Directory>> maildir_of(const std::string& home) {
  auto const directory = Directory::open(home);
  if (!directory && is_missing(directory.error())) return std::optional<Directory>{};
  if (!directory) return directory.error();
  auto maildir = directory->open_directory("Maildir");
  if (!maildir && is_missing(maildir.error())) return std::optional<Directory>{};
  if (!maildir) return std::move(maildir).error();
  return std::optional{*std::move(maildir)};
}

// What an earlier quota left there may be of the same limits, and does not know what came while there was none.
Status forget_count(const std::string& home) {
  auto const maildir = TRY(maildir_of(home));
  if (!maildir) return Done{};
  auto const gone = maildir->unlink("maildirsize");
  if (gone || is_missing(gone.error()) || gone.error().number() == EISDIR) return Done{};
  return gone.error();
}

bool is_full(const std::string& user) {
  auto const full = Directory::open("users/full");
  return full && room_when_full(*full, user, wall_now());
}

std::string limit_words(std::uint64_t limit) { return limit == 0 ? "none" : decimal(limit); }

}  // namespace

Status set_quota(const UserOptions& options, const UserStore& store, const Assignments& assignments, const std::string& home) {
  Quotas quotas = TRY(store.quotas());
  if (options.quota->is_none())
    quotas.remove(options.login->text());
  else
    TRY(quotas.set(*options.login, *options.quota));
  TRY(forget_count(home));
  OwnFullFlag::open("users/full/" + options.login->text()).clear();  // under another limit it need not be
  return store.save(assignments, quotas);
}

Status show_quota(const UserOptions& options, const UserStore& store, const std::string& home) {
  const std::string& user = options.login->text();
  Quota const quota = TRY(store.quotas()).of(user);
  auto const maildir = TRY(maildir_of(home));
  MailboxUse const use = maildir ? TRY(count_maildir(*maildir)) : MailboxUse{};
  if (options.is_json) {
    JsonText json;
    json.object().key("user").string(user).key("bytes").number(use.bytes).key("messages").number(use.messages);
    json.key("limit-bytes").number(quota.bytes).key("limit-messages").number(quota.messages);
    json.key("full").boolean(is_full(user)).end_object();
    return write_all(1, json.text() + "\n");
  }
  TextTable table;
  table.add({"USER", "BYTES", "LIMIT", "MESSAGES", "LIMIT", "FULL"});
  table.add({user, decimal(use.bytes), limit_words(quota.bytes), decimal(use.messages), limit_words(quota.messages),
             is_full(user) ? "yes" : "no"});
  return write_all(1, table.text());
}

}  // namespace postern
