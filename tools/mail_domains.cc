#include "tools/mail_domains.h"

#include <unordered_set>

#include "lib/core/ascii.h"
#include "lib/mail/a_labels.h"

namespace postern {
namespace {

// In A-labels where there are such; what is no domain comes back in lower case.
std::string plain_form(std::string_view text) {
  std::string name = to_lower(text);
  if (is_all_ascii(name)) return name;
  auto const domain = Domain::parse(Wire{name});
  auto ascii = domain ? a_labels(*domain) : Result<std::string>{domain.error()};
  return ascii ? *std::move(ascii) : name;
}

std::string_view key_of(std::string_view line) { return line.substr(0, line.find(':')); }

bool is_doubled(std::string_view name, const std::unordered_set<std::string>& all) {
  return !is_all_ascii(name) && all.contains(plain_form(name));
}

}  // namespace

Result<MailDomains> MailDomains::read(const Control& control) {
  MailDomains domains{TRY(control.me()), TRY(ControlLines::read(control.directory(), "locals")),
                      TRY(ControlLines::read(control.directory(), "virtualdomains"))};
  for (std::string_view const line : domains.virtuals_.values())
    if (line.find(':') == std::string_view::npos) return permanent("control/virtualdomains: no colon in line:", line);
  return domains;
}

std::vector<std::string> MailDomains::locals() const {
  if (!locals_.is_there()) return {to_lower(me_)};
  std::unordered_set<std::string> all;
  for (std::string_view const value : locals_.values()) all.insert(to_lower(value));
  std::vector<std::string> found;
  for (std::string_view const value : locals_.values())
    if (!is_doubled(value, all)) found.push_back(to_lower(value));
  return found;
}

std::vector<VirtualDomain> MailDomains::virtuals() const {
  std::unordered_set<std::string> all;
  for (std::string_view const line : virtuals_.values()) all.insert(to_lower(key_of(line)));
  std::vector<VirtualDomain> found;
  for (std::string_view const line : virtuals_.values())
    if (std::string_view const key = key_of(line); !is_doubled(key, all))
      found.push_back({to_lower(key), to_lower(line.substr(key.size() + 1))});
  return found;
}

void MailDomains::add_local(const Domain& name) {
  if (!locals_.is_there()) locals_.add(to_lower(me_));  // which was one without being written down
  locals_.add(name.text());
  if (std::string const own = u_labels(name); own != name.text()) locals_.add(own);
}

void MailDomains::add_virtual(const Domain& name) {
  virtuals_.add(name.text() + ":" + name.text());
  if (std::string const own = u_labels(name); own != name.text()) virtuals_.add(own + ":" + name.text());
}

bool MailDomains::remove_local(const Domain& name) {
  return locals_.remove([&](std::string_view value) { return plain_form(value) == name.text(); });
}

bool MailDomains::remove_virtual(const Domain& name) {
  return virtuals_.remove([&](std::string_view line) { return plain_form(key_of(line)) == name.text(); });
}

}  // namespace postern
