#include "inject/header_rewriter.h"

#include <array>
#include <optional>
#include <unordered_set>

#include "lib/core/ascii.h"
#include "lib/core/number.h"
#include "lib/mail/date.h"
#include "lib/mail/header.h"

namespace postern {
namespace {

enum FieldProperty : unsigned {
  list = 1,       // of addresses, to be completed
  names_to = 2,   // its addresses are recipients
  of_resent = 4,  // makes the message a forwarded one
  secret = 8,     // does not leave
};

struct KnownField {
  std::string_view name;
  unsigned properties;
};

constexpr KnownField known_fields[] = {
    {"To", list | names_to},
    {"Cc", list | names_to},
    {"Bcc", list | names_to | secret},
    {"Apparently-To", list | names_to},
    {"From", list},
    {"Sender", list},
    {"Reply-To", list},
    {"Mail-Reply-To", list},
    {"Mail-Followup-To", list},
    {"Errors-To", list},
    {"Return-Receipt-To", list},
    {"Date", 0},
    {"Message-ID", 0},
    {"Received", 0},
    {"Return-Path", list | secret},
    {"Content-Length", secret},
    {"Resent-To", list | names_to | of_resent},
    {"Resent-Cc", list | names_to | of_resent},
    {"Resent-Bcc", list | names_to | of_resent | secret},
    {"Resent-From", list | of_resent},
    {"Resent-Sender", list | of_resent},
    {"Resent-Reply-To", list | of_resent},
    {"Resent-Date", of_resent},
    {"Resent-Message-ID", of_resent},
};

consteval std::size_t index_of(std::string_view name) {
  std::size_t index = 0;
  while (known_fields[index].name != name) ++index;
  return index;
}

std::optional<std::size_t> find_known(const Field& field) {
  for (std::size_t i = 0; i < std::size(known_fields); ++i)
    if (field.is(known_fields[i].name)) return i;
  return std::nullopt;
}

Error not_understood(const Field& field, const Error& error) {
  std::string where{field.name()};
  where += ": ";
  where += error.text();
  where += " in ";
  return permanent("cannot read the addresses of a header field:", where += field.unfolded());
}

class HeaderRewriter {
 public:
  HeaderRewriter(const CommandLine& line, const SenderNames& names, const MessageMoment& moment, std::uint64_t most_hops)
      : line_(line), names_(names), moment_(moment), most_hops_(most_hops) {}

  Status take(const Field& field);
  Result<RewrittenHeader> finish();

 private:
  Status take_list(const Field& field, std::size_t known);
  Status take_return_path(const AddressList& path);
  Status add_missing();
  Result<Address> sender() const;
  bool has(std::size_t known) const { return count_[known] > 0; }
  bool is_resent() const;

  const CommandLine& line_;
  const SenderNames& names_;
  const MessageMoment& moment_;
  std::uint64_t most_hops_;
  std::string text_;
  std::array<std::uint64_t, std::size(known_fields)> count_{};
  std::vector<Address> original_, resent_;  // recipients that the header names
  std::optional<Address> return_path_;
};

bool HeaderRewriter::is_resent() const {
  for (std::size_t i = 0; i < std::size(known_fields); ++i)
    if (count_[i] > 0 && (known_fields[i].properties & of_resent)) return true;
  return false;
}

Status HeaderRewriter::take(const Field& field) {
  auto const known = find_known(field);
  if (!known) {
    text_ += field.raw();
    return Done{};
  }
  const InjectFlags& flags = names_.flags();
  if (flags.replaces_from && *known == index_of("From")) return Done{};
  if (flags.replaces_message_id && *known == index_of("Message-ID")) return Done{};
  if (++count_[*known] > most_hops_ && *known == index_of("Received"))
    return permanent("5.4.6 this message has been through too many hosts (control/maxhops); does it loop?");
  if (known_fields[*known].properties & list) return take_list(field, *known);
  if (!(known_fields[*known].properties & secret)) text_ += field.raw();
  return Done{};
}

Status HeaderRewriter::take_list(const Field& field, std::size_t known) {
  auto const parsed = AddressList::parse(Wire{field.body()}, names_.completion());
  if (!parsed) return not_understood(field, parsed.error());
  unsigned const properties = known_fields[known].properties;
  if (known == index_of("Return-Path")) return take_return_path(*parsed);
  for (const ListedAddress& entry : parsed->addresses()) {
    if (!(properties & names_to)) continue;
    if (entry.address.is_null_sender()) return not_understood(field, permanent("nobody's address <>"));
    (properties & of_resent ? resent_ : original_).push_back(entry.address);
  }
  if (properties & secret) return Done{};
  text_ += field.raw().substr(0, field.raw().size() - field.body().size());
  text_ += parsed->text();
  return Done{};
}

Status HeaderRewriter::take_return_path(const AddressList& path) {
  if (path.addresses().size() > 1 || (return_path_ && !path.addresses().empty()))
    return permanent("more than one address in Return-Path; it names the one envelope sender");
  if (!path.addresses().empty()) return_path_ = path.addresses().front().address;
  return Done{};
}

// What RFC 5322 §3.6 asks for.
Status HeaderRewriter::add_missing() {
  bool const resent = is_resent();
  std::string const prefix = resent ? "Resent-" : "";
  if (!has(resent ? index_of("Resent-Date") : index_of("Date")))
    append_field(text_, prefix + "Date", MailDate{moment_.time}.text());
  if (!has(resent ? index_of("Resent-Message-ID") : index_of("Message-ID")))
    append_field(text_, prefix + "Message-ID", "<" + moment_.id.text() + "@" + names_.id_host() + ">");
  if (!has(resent ? index_of("Resent-From") : index_of("From"))) append_field(text_, prefix + "From", TRY(names_.from_text()));
  bool const says_to =
      resent ? has(index_of("Resent-To")) || has(index_of("Resent-Cc")) : has(index_of("To")) || has(index_of("Cc"));
  if (!says_to) append_field(text_, prefix + "Cc", "recipient list not shown: ;");
  return Done{};
}

Result<Address> HeaderRewriter::sender() const {
  if (line_.sender) {
    if (line_.sender->empty() || *line_.sender == "<>" || *line_.sender == qmail_double_bounce) return Address::null_sender();
    return names_.address_of(*line_.sender);
  }
  if (return_path_ && !names_.flags().ignores_return_path) return *return_path_;
  std::string mark = decimal(static_cast<std::uint64_t>(moment_.time.time_since_epoch() / Seconds{1}));
  mark += '.';
  append_decimal(mark, static_cast<std::uint64_t>(moment_.process));
  return names_.sender(mark);
}

Result<RewrittenHeader> HeaderRewriter::finish() {
  TRY(add_missing());
  std::vector<Address> all;
  if (line_.takes_arguments())
    for (std::string_view const argument : line_.recipients) all.push_back(TRY(names_.address_of(argument)));
  if (line_.takes_header())
    for (Address& address : is_resent() ? resent_ : original_) all.push_back(std::move(address));
  RewrittenHeader rewritten{std::move(text_), {}, TRY(sender())};
  std::unordered_set<std::string> known;  // one copy each
  for (Address& address : all)
    if (known.insert(address.text()).second) rewritten.recipients.push_back(std::move(address));
  if (rewritten.recipients.empty()) return permanent("no recipients: name them as arguments, or in To, Cc or Bcc");
  return rewritten;
}

}  // namespace

Result<RewrittenHeader> rewrite_header(std::string_view header, const CommandLine& line, const SenderNames& names,
                                       const MessageMoment& moment, std::uint64_t most_hops) {
  HeaderRewriter rewriter{line, names, moment, most_hops};
  HeaderReader reader{header};
  while (auto const field = reader.next()) TRY(rewriter.take(*field));
  return rewriter.finish();
}

}  // namespace postern
