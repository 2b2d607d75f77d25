#include "tools/user_quotas.h"

#include <unordered_set>

#include "lib/core/number.h"

namespace postern {
namespace {

Result<Login> parse_user(std::string_view text) {
  if (text.size() > longest_quota_login) return permanent("a name of more than 240 characters cannot have a quota:", text);
  return Login::parse(Wire{text});
}

Result<QuotaLine> parse_line(std::string_view line, std::string_view where) {
  std::size_t const colon = line.find(':');
  if (colon == std::string_view::npos) return permanent("not name:bytes:messages:", where);
  auto const user = parse_user(line.substr(0, colon));
  if (!user) return permanent("not the name of a mailbox in", where);
  auto const quota = Quota::parse(Wire{line.substr(colon + 1)});
  if (!quota) return permanent("not bytes:messages behind the name in", where);
  if (quota->is_none()) return permanent("limits nothing; remove", where);
  return QuotaLine{user->text(), *quota};
}

}  // namespace

Result<Quotas> Quotas::parse(Wire wire) {
  Quotas quotas;
  std::unordered_set<std::string> users;
  std::string_view rest = wire.bytes();
  for (std::uint64_t number = 1; !rest.empty(); ++number) {
    std::string const where = "users/quotas line " + decimal(number);
    std::size_t const end = rest.find('\n');
    if (end == std::string_view::npos) return permanent("no newline at the end of", where);
    QuotaLine line = TRY(parse_line(rest.substr(0, end), where));
    if (!users.insert(line.user).second) return permanent("this mailbox has a line already; remove", where);
    quotas.lines_.push_back(std::move(line));
    rest.remove_prefix(end + 1);
  }
  return quotas;
}

std::string Quotas::encoded() const {
  std::string text;
  for (const QuotaLine& line : lines_) text += line.user + ":" + line.quota.encoded() + "\n";
  return text;
}

QuotaLine* Quotas::find(std::string_view user) {
  for (QuotaLine& line : lines_)
    if (line.user == user) return &line;
  return nullptr;
}

Quota Quotas::of(std::string_view user) const {
  for (const QuotaLine& line : lines_)
    if (line.user == user) return line.quota;
  return {};
}

Status Quotas::set(const Login& login, const Quota& quota) {
  TRY(parse_user(login.text()));
  if (QuotaLine* const line = find(login.text()))
    line->quota = quota;
  else
    lines_.push_back({login.text(), quota});
  return Done{};
}

bool Quotas::remove(std::string_view user) {
  return std::erase_if(lines_, [user](const QuotaLine& line) { return line.user == user; }) != 0;
}

Status Quotas::rename(std::string_view user, const Login& to) {
  if (!find(user)) return Done{};
  TRY(parse_user(to.text()));
  remove(to.text());  // what a mailbox of that name left
  find(user)->user = to.text();
  return Done{};
}

}  // namespace postern
