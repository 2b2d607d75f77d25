// submission_header - the header of a message that somebody logged in sends, as it goes by (RFC 6409 §8)
//
// From must be one field that names addresses the login may use, and nothing else: no group, nothing that different readers
// could read differently. A Sender field is held to the same. What is missing of Date, Message-ID and Sender (several
// addresses in From want one, RFC 5322 §3.6.2) is added; Bcc, Resent-Bcc and Return-Path do not leave. The header is kept until
// its end is known, up to a limit; the body passes through. Each byte is looked at a fixed number of
// times.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/mail/address.h"
#include "lib/mail/address_list.h"
#include "lib/mail/header.h"

namespace postern {

class SubmissionHeader {
 public:
  // What the header is held against, and what is put into it.
  struct Wanted {
    std::function<Result<bool>(const Address&)> may_send;
    std::string host;              // completes an address in From that has none
    std::string date;              // as MailDate has it
    std::string message_id;        // without angle brackets
    bool is_utf8 = false;          // SMTPUTF8 was asked for
    std::uint64_t most_bytes = 0;  // of header
  };
  explicit SubmissionHeader(Wanted wanted) : wanted_(std::move(wanted)) {}

  // The next piece of the message; what of it may go on is left in `text`. Lines end in LF.
  void take(std::string& text);
  // Nothing follows; what was kept back until now is left in `text`.
  void finish(std::string& text);
  // The reply that refuses the message, or nothing. Once there is one it stays.
  std::string_view refusal() const { return refusal_; }

 private:
  void rewrite(std::string& text);
  void take_field(const Field& field);
  void take_senders(const Field& field);
  void check_address(const Address& address);
  void add_missing();
  void refuse(std::string_view reply);

  Wanted wanted_;
  HeaderEnd end_;
  bool is_in_body_ = false;
  std::string kept_;    // the header so far
  std::string header_;  // as it leaves
  std::string first_from_;
  std::size_t from_addresses_ = 0;
  bool has_from_ = false, has_sender_ = false, has_date_ = false, has_message_id_ = false;
  std::string_view refusal_;
};

}  // namespace postern
