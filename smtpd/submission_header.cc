#include "smtpd/submission_header.h"

#include "lib/core/ascii.h"
#include "lib/mail/address_token.h"

namespace postern {
namespace {

constexpr std::string_view not_a_header = "554 5.6.0 The header holds a line that is no field, or a NUL";
constexpr std::string_view no_from = "550 5.7.1 The message wants one From field";
constexpr std::string_view unreadable = "550 5.7.1 From and Sender name plain addresses here, no groups";
constexpr std::string_view not_yours = "550 5.7.1 That address in From or Sender is not yours to use";
constexpr std::string_view needs_utf8 = "550 5.6.7 An address in From or Sender needs SMTPUTF8";
constexpr std::string_view unknown_now = "451 4.3.0 Whose the From address is cannot be looked up now; try again";

constexpr std::string_view secret_fields[] = {"Bcc", "Resent-Bcc", "Return-Path"};

// A group's name can look like an address (RFC 6854 would allow groups in From), and so can a name in front of angle brackets;
// control characters end a line for some.
bool is_plain(std::string_view body) {
  using Kind = AddressToken::Kind;
  for (char const c : body)
    if (is_control(c) && c != '\n' && c != '\t') return false;
  AddressTokens tokens{body};
  bool has_at_sign = false;  // in this element
  for (;;) {
    auto const token = tokens.next();
    if (!token || token->kind == Kind::colon || token->kind == Kind::semicolon) return false;
    if (token->kind == Kind::angle_open && has_at_sign) return false;
    if (token->kind == Kind::end) return true;
    has_at_sign = token->kind == Kind::at || (has_at_sign && token->kind != Kind::comma);
  }
}

}  // namespace

void SubmissionHeader::refuse(std::string_view reply) {
  if (refusal_.empty()) refusal_ = reply;
}

void SubmissionHeader::take(std::string& text) {
  if (is_in_body_ || !refusal_.empty()) return;
  kept_ += text;
  text.clear();
  if (end_.find_in(kept_))
    rewrite(text);
  else if (kept_.size() > wanted_.most_bytes)
    refuse("552 5.3.4 The message's header is too large");
}

void SubmissionHeader::finish(std::string& text) {
  text.clear();
  if (is_in_body_ || !refusal_.empty()) return;
  end_.finish(kept_);
  rewrite(text);
}

void SubmissionHeader::rewrite(std::string& text) {
  is_in_body_ = true;
  std::string_view const all = kept_;
  std::string_view const header = all.substr(0, end_.header_length());
  std::string_view const body = all.substr(end_.body_start());
  // Behind a line that is no field, some readers go on reading fields.
  bool const ends_badly = end_.body_start() == end_.header_length() && !body.empty();
  if (ends_badly || header.find('\0') != std::string_view::npos) return refuse(not_a_header);
  HeaderReader reader{header};
  while (auto const field = reader.next()) take_field(*field);
  if (!has_from_) refuse(no_from);
  if (!refusal_.empty()) return;
  if (!header_.ends_with('\n')) header_ += '\n';  // a message that ends in the middle of its header
  add_missing();
  text = std::move(header_);
  text += '\n';
  text += body;
  kept_ = {};
}

void SubmissionHeader::take_field(const Field& field) {
  for (std::string_view const secret : secret_fields)
    if (field.is(secret)) return;
  if (field.is("From") || field.is("Sender")) return take_senders(field);
  has_date_ |= field.is("Date");
  has_message_id_ |= field.is("Message-ID");
  header_ += field.raw();
}

void SubmissionHeader::take_senders(const Field& field) {
  bool const is_from = field.is("From");
  if (std::exchange(is_from ? has_from_ : has_sender_, true)) return refuse(is_from ? no_from : unreadable);
  if (!is_plain(field.body())) return refuse(unreadable);
  auto const completion = Completion::make(wanted_.host, wanted_.host, wanted_.host);
  auto const list = completion ? AddressList::parse(Wire{field.body()}, *completion) : Result<AddressList>{completion.error()};
  if (!list || list->addresses().empty() || (!is_from && list->addresses().size() > 1)) return refuse(unreadable);
  for (const ListedAddress& entry : list->addresses()) check_address(entry.address);
  if (is_from) {
    first_from_ = list->addresses().front().address.text();
    from_addresses_ = list->addresses().size();
  }
  header_ += field.raw().substr(0, field.raw().size() - field.body().size());
  header_ += list->text();
}

void SubmissionHeader::check_address(const Address& address) {
  if (address.is_null_sender()) return refuse(unreadable);
  if (!wanted_.is_utf8 && !address.is_ascii()) return refuse(needs_utf8);
  auto const may = wanted_.may_send(address);
  if (!may) return refuse(unknown_now);
  if (!*may) refuse(not_yours);
}

void SubmissionHeader::add_missing() {
  if (!has_sender_ && from_addresses_ > 1) append_field(header_, "Sender", first_from_);
  if (!has_date_) append_field(header_, "Date", wanted_.date);
  if (!has_message_id_) append_field(header_, "Message-ID", "<" + wanted_.message_id + ">");
}

}  // namespace postern
