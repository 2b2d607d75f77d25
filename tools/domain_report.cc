#include "tools/domain_report.h"

#include <unordered_map>
#include <unordered_set>

#include "lib/core/ascii.h"
#include "lib/core/json_text.h"
#include "lib/core/number.h"
#include "lib/mail/a_labels.h"
#include "tools/text_table.h"

namespace postern {
namespace {

struct Listed {
  std::string domain;
  std::string_view kind;
  std::uint64_t mailboxes;
  std::string prefix;
};

std::string_view domain_of(std::string_view user) {
  std::size_t const at = user.rfind('@');
  return at == std::string_view::npos ? std::string_view{} : user.substr(at + 1);
}

// Users in the order of their first lines, each once.
template <class Is>
std::vector<std::string> users_with(const Assignments& assignments, Is is) {
  std::vector<std::string> users;
  std::unordered_set<std::string_view> seen;
  for (const Assignment& line : assignments.lines())
    if (is(line) && seen.insert(line.mailbox.user).second) users.push_back(line.mailbox.user);
  return users;
}

// By what users' names and local names begin with: one walk for all domains.
class Counts {
 public:
  explicit Counts(const Assignments& assignments, const std::vector<VirtualDomain>& virtuals) {
    std::unordered_map<std::string, std::vector<std::size_t>> by_prefix, by_name;
    for (std::size_t i = 0; i < virtuals.size(); ++i) {
      by_prefix[virtuals[i].prefix + "-"].push_back(i);
      by_name[virtuals[i].key].push_back(i);
    }
    std::vector<std::unordered_set<std::string_view>> users(virtuals.size());
    std::unordered_set<std::string_view> plain;
    for (const Assignment& line : assignments.lines()) {
      auto const count = [&](auto const& map, std::string key) {
        if (auto const found = map.find(key); found != map.end())
          for (std::size_t const i : found->second) users[i].insert(line.mailbox.user);
      };
      std::string_view const domain = domain_of(line.mailbox.user);
      if (domain.empty()) plain.insert(line.mailbox.user);
      if (!domain.empty()) count(by_name, to_lower(domain));
      for (std::size_t dash = line.name.find('-'); dash != std::string::npos; dash = line.name.find('-', dash + 1))
        count(by_prefix, line.name.substr(0, dash + 1));
    }
    locals = plain.size();
    for (auto const& one : users) of_virtual.push_back(one.size());
  }
  std::uint64_t locals;
  std::vector<std::uint64_t> of_virtual;
};

std::vector<Listed> listed_of(const MailDomains& domains, const Assignments& assignments) {
  auto const virtuals = domains.virtuals();
  Counts const counts{assignments, virtuals};
  std::vector<Listed> listed;
  for (const std::string& domain : domains.locals()) listed.push_back({domain, "local", counts.locals, {}});
  for (std::size_t i = 0; i < virtuals.size(); ++i) {
    bool const is_here = !virtuals[i].prefix.empty();
    listed.push_back(
        {virtuals[i].key, is_here ? "virtual" : "elsewhere", is_here ? counts.of_virtual[i] : 0, virtuals[i].prefix});
  }
  return listed;
}

std::string own_script(const std::string& name) {
  auto const domain = Domain::parse(Wire{name});
  return domain ? u_labels(*domain) : name;
}

}  // namespace

std::vector<std::string> users_of_locals(const Assignments& assignments) {
  return users_with(assignments, [](const Assignment& line) { return domain_of(line.mailbox.user).empty(); });
}

std::vector<std::string> users_of_virtual(const Assignments& assignments, const VirtualDomain& domain) {
  std::string const prefix = domain.prefix + "-";
  return users_with(assignments, [&](const Assignment& line) {
    return equal_ignoring_case(domain_of(line.mailbox.user), domain.key) || (prefix != "-" && line.name.starts_with(prefix));
  });
}

std::string list_of_domains(const MailDomains& domains, const Assignments& assignments, DomainForm form) {
  auto const listed = listed_of(domains, assignments);
  if (form == DomainForm::json) {
    JsonText json;
    json.array();
    for (const Listed& one : listed) {
      json.object().key("domain").string(one.domain).key("unicode").string(own_script(one.domain)).key("kind").string(one.kind);
      json.key("mailboxes").number(one.mailboxes).key("prefix");
      one.prefix.empty() ? json.null() : json.string(one.prefix);
      json.end_object();
    }
    return json.end_array().text() + "\n";
  }
  TextTable table;
  table.add({"DOMAIN", "KIND", "MAILBOXES", "PREFIX"});
  for (const Listed& one : listed)
    table.add({one.domain, std::string{one.kind}, decimal(one.mailboxes), one.prefix.empty() ? "-" : one.prefix});
  return table.text();
}

}  // namespace postern
