#include "lib/mail/address_list.h"

#include "lib/mail/address_token.h"

namespace postern {
namespace {

using Kind = AddressToken::Kind;

constexpr std::size_t most_words = 4096;

}  // namespace

Result<Completion> Completion::make(std::string_view default_host, std::string_view default_domain,
                                    std::string_view plus_domain) {
  Completion completion;
  completion.default_domain_ = default_domain;
  completion.plus_domain_ = plus_domain;
  completion.default_host_ = default_host;
  completion.default_host_ = completion.host_of(default_host);
  for (std::string_view const domain : {std::string_view{completion.default_host_}, default_domain, plus_domain})
    if (!Domain::parse(Wire{domain})) return permanent("not a domain name:", domain);
  return completion;
}

std::string Completion::host_of(std::string_view written) const {
  if (written.empty()) return default_host_;
  std::string host{written};
  if (host.back() == '+') {
    host.back() = '.';
    return host += plus_domain_;
  }
  if (host.front() == '[' || host.find('.') != std::string::npos) return host;
  host += '.';
  return host += default_domain_;
}

class AddressListParser {
 public:
  AddressListParser(std::string_view body, const Completion& completion) : body_(body), completion_(completion), tokens_(body) {}
  Result<AddressList> parsed();

 private:
  // local-part@domain, or what there is of it.
  struct Spec {
    std::string local_part;
    std::string host;
    std::size_t end = 0;  // in the body
  };

  Status take(const AddressToken& token);
  Status end_element();
  Status end_group(const AddressToken& token);
  Status take_angle();
  Result<Spec> take_spec(std::size_t& index) const;
  Status add(const Spec& spec, std::string name);
  std::string phrase() const;
  void put(std::size_t at, std::string_view addition);
  bool is_kind(std::size_t index, Kind kind) const { return index < element_.size() && element_[index].kind == kind; }

  std::string_view body_;
  const Completion& completion_;
  AddressTokens tokens_;
  AddressList list_;
  std::vector<AddressToken> element_;  // since the last comma
  std::size_t copied_ = 0;             // bytes of the body that stand in list_.text_
  std::size_t comma_wanted_at_ = 0;    // behind an address in angle brackets; 0 when none is
  bool is_in_group_ = false;
};

Result<AddressList> AddressListParser::parsed() {
  for (;;) {
    AddressToken const token = TRY(tokens_.next());
    if (token.kind == Kind::end) break;
    TRY(take(token));
  }
  TRY(end_element());
  put(body_.size(), "");
  return std::move(list_);
}

Status AddressListParser::take(const AddressToken& token) {
  bool const is_separator = token.kind == Kind::comma || token.kind == Kind::semicolon;
  if (comma_wanted_at_ != 0 && !is_separator) put(comma_wanted_at_, ",");
  comma_wanted_at_ = 0;
  switch (token.kind) {
    case Kind::comma:
      return end_element();
    case Kind::semicolon:
      return end_group(token);
    case Kind::angle_open:
      return take_angle();
    case Kind::angle_close:
      return permanent("> without <");
    case Kind::colon:
      if (is_in_group_ || element_.empty()) return permanent("a colon that is not behind a group's name");
      is_in_group_ = true;
      element_.clear();
      return Done{};
    default:
      break;
  }
  if (element_.size() == most_words) return permanent("too many words without a comma");
  element_.push_back(token);
  return Done{};
}

Status AddressListParser::end_group(const AddressToken& token) {
  if (!is_in_group_) return permanent("a semicolon outside of a group");
  TRY(end_element());
  is_in_group_ = false;
  comma_wanted_at_ = token.end;
  return Done{};
}

// Addresses without angle brackets: one, or several where commas are missing.
Status AddressListParser::end_element() {
  for (std::size_t index = 0; index < element_.size();) {
    Spec const spec = TRY(take_spec(index));
    TRY(add(spec, {}));
    if (index < element_.size()) put(spec.end, ",");
  }
  element_.clear();
  return Done{};
}

// From behind "<" to ">"; what stood in front of it is the name.
Status AddressListParser::take_angle() {
  std::string name = phrase();
  element_.clear();
  AddressToken token = TRY(tokens_.next());
  if (token.kind == Kind::at) {  // RFC 5322 §4.4 obs-route: read and forgotten
    while (token.kind == Kind::at || token.kind == Kind::dot || token.kind == Kind::comma || token.kind == Kind::literal ||
           token.is_word())
      token = TRY(tokens_.next());
    if (token.kind != Kind::colon) return permanent("a route without a colon");
    token = TRY(tokens_.next());
    if (token.kind == Kind::angle_close) return permanent("a route to nobody");
  }
  while (token.kind == Kind::dot || token.kind == Kind::at || token.kind == Kind::literal || token.is_word()) {
    if (element_.size() == most_words) return permanent("too many words between < and >");
    element_.push_back(token);
    token = TRY(tokens_.next());
  }
  if (token.kind != Kind::angle_close) return permanent("< without >");
  std::size_t index = 0;
  if (element_.empty()) {
    list_.addresses_.push_back({Address::null_sender(), std::move(name)});
  } else {
    TRY(add(TRY(take_spec(index)), std::move(name)));
  }
  if (index < element_.size()) return permanent("two addresses between < and >");
  element_.clear();
  comma_wanted_at_ = token.end;
  return Done{};
}

Result<AddressListParser::Spec> AddressListParser::take_spec(std::size_t& index) const {
  Spec spec;
  bool is_word_wanted = true;
  for (; index < element_.size(); ++index) {
    const AddressToken& token = element_[index];
    if (is_word_wanted ? !token.is_word() : token.kind != Kind::dot) break;
    spec.local_part += tokens_.content(token);
    spec.end = token.end;
    is_word_wanted = !is_word_wanted;
  }
  if (is_word_wanted) return permanent("not an address");
  if (!is_kind(index, Kind::at)) return spec;
  if (is_kind(++index, Kind::literal)) {
    spec.host = tokens_.content(element_[index]);
    spec.end = element_[index++].end;
    return spec;
  }
  for (is_word_wanted = true; index < element_.size(); ++index) {
    const AddressToken& token = element_[index];
    if (token.kind != (is_word_wanted ? Kind::word : Kind::dot)) break;
    spec.host += tokens_.content(token);
    spec.end = token.end;
    is_word_wanted = !is_word_wanted;
  }
  if (is_word_wanted) return permanent("no host name behind @");
  return spec;
}

Status AddressListParser::add(const Spec& spec, std::string name) {
  if (list_.addresses_.size() == AddressList::most_addresses) return permanent("more than 50,000 addresses");
  std::string const host = completion_.host_of(spec.host);
  if (spec.host.empty()) {
    put(spec.end, "@" + host);
  } else if (spec.host.back() == '+') {
    put(spec.end - 1, std::string_view{host}.substr(spec.host.size() - 1));
    copied_ = spec.end;  // the plus sign is gone
  } else {
    put(spec.end, std::string_view{host}.substr(spec.host.size()));
  }
  list_.addresses_.push_back({TRY(Address::make(spec.local_part, TRY(Domain::parse(Wire{host})))), std::move(name)});
  return Done{};
}

std::string AddressListParser::phrase() const {
  std::string text;
  for (const AddressToken& token : element_) {
    if (token.is_after_blank && !text.empty()) text += ' ';
    text += tokens_.content(token);
  }
  return text;
}

// The body up to there, then something that was missing.
void AddressListParser::put(std::size_t at, std::string_view addition) {
  list_.text_ += body_.substr(copied_, at - copied_);
  list_.text_ += addition;
  copied_ = at;
}

Result<AddressList> AddressList::parse(Wire body, const Completion& completion) {
  return AddressListParser{body.bytes(), completion}.parsed();
}

}  // namespace postern
