#include "smtpd/message_quota.h"

#include <utility>

#include "lib/os/log.h"

namespace postern {
namespace {

constexpr Milliseconds patience = 5s;  // countd keeps all it knows in memory
constexpr std::string_view messages_word = "messages";
constexpr std::string_view recipients_word = "recipients";

}  // namespace

Result<CountedQuota> CountedQuota::read(const Control& control) {
  CountedQuota quota;
  quota.messages_.hour = TRY(control.number<"submissionmessageshour">());
  quota.messages_.day = TRY(control.number<"submissionmessagesday">());
  quota.recipients_.hour = TRY(control.number<"submissionrecipientshour">());
  quota.recipients_.day = TRY(control.number<"submissionrecipientsday">());
  return quota;
}

// False: the limit is reached.
bool CountedQuota::count(CountRequest::Kind kind, std::string_view what, std::uint64_t amount) {
  CountRequest request{kind, std::string{what} + " " + login_, amount, {}};
  if (kind == CountRequest::Kind::take) request.limits = what == messages_word ? messages_ : recipients_;
  auto const counted = countd_.ask(request, Deadline::in(patience));
  if (!counted) {
    LogLine{"uncounted"}.add("login", login_).add("what", what).add("error", counted.error().text()).write();
    return true;
  }
  if (kind != CountRequest::Kind::take) return true;
  if (!counted->is_within && counted->is_first_refusal)
    LogLine{"limit-reached"}
        .add("login", login_)
        .add("what", what)
        .add("hour", counted->hour)
        .add("hour-most", request.limits.hour)
        .add("day", counted->day)
        .add("day-most", request.limits.day)
        .write();
  if (counted->is_within) (what == messages_word ? taken_messages_ : taken_recipients_) = amount;
  return counted->is_within;
}

std::string_view CountedQuota::take(std::string_view login, std::size_t recipients) {
  login_ = login;
  taken_messages_ = taken_recipients_ = 0;
  if (!count(CountRequest::Kind::take, messages_word, 1))
    return "450 4.7.1 You have sent as many messages as you may for now; try again later";
  if (count(CountRequest::Kind::take, recipients_word, recipients)) return {};
  give_back();
  return "450 4.7.1 You have written to as many recipients as you may for now; try again later";
}

void CountedQuota::give_back() {
  if (std::uint64_t const amount = std::exchange(taken_messages_, 0)) count(CountRequest::Kind::give_back, messages_word, amount);
  if (std::uint64_t const amount = std::exchange(taken_recipients_, 0))
    count(CountRequest::Kind::give_back, recipients_word, amount);
}

}  // namespace postern
