// Fuzz target of SubmissionHeader: whatever comes, cut wherever, it leaves the same; what is accepted has one From field with
// own addresses only, a Date and a Message-ID, no Bcc, and passes a second time as it is.
#include <cstdint>

#include "smtpd/submission_header.h"

using namespace postern;

namespace {

void require(bool holds) {
  if (!holds) abort();
}

struct Outcome {
  std::string text;
  std::string_view refusal;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome mended(std::string_view text, std::size_t piece) {
  SubmissionHeader header{
      {.may_send = [](const Address& address) -> Result<bool> { return address.domain().text() == "here.example"; },
       .host = "here.example",
       .date = "DATE",
       .message_id = "ID@here.example",
       .is_utf8 = true,
       .most_bytes = 1u << 20}};
  Outcome outcome;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
    std::string part{text.substr(0, piece)};
    header.take(part);
    outcome.text += part;
  }
  std::string part;
  header.finish(part);
  outcome.text += part;
  outcome.refusal = header.refusal();
  if (!outcome.refusal.empty()) outcome.text.clear();
  return outcome;
}

void check_fields(std::string_view text) {
  std::size_t from = 0, dates = 0, ids = 0;
  HeaderReader reader{text};
  while (auto const field = reader.next()) {
    require(!field->is("Bcc") && !field->is("Resent-Bcc") && !field->is("Return-Path"));
    from += field->is("From");
    dates += field->is("Date");
    ids += field->is("Message-ID");
    if (!field->is("From")) continue;
    auto const completion = Completion::make("else.example", "else.example", "else.example");
    auto const list = AddressList::parse(Wire{field->body()}, *completion);
    require(list.has_value() && !list->addresses().empty());
    for (const ListedAddress& entry : list->addresses()) require(entry.address.domain().text() == "here.example");
  }
  require(from == 1 && dates > 0 && ids > 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  auto const whole = mended(text, size + 1);
  require(mended(text, 3) == whole);
  if (!whole.refusal.empty()) return 0;
  check_fields(whole.text);
  auto const again = mended(whole.text, 64);
  require(again.refusal.empty() && again.text == whole.text);
  return 0;
}
