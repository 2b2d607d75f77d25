// Tests of smtpd/submission_header: who a message may say it is from, what is added, what does not leave; in pieces of every
// length.
#include "smtpd/submission_header.h"

#include <catch2/catch.hpp>

#include "lib/core/ascii.h"

using namespace postern;

namespace {

SubmissionHeader::Wanted wanted() {
  SubmissionHeader::Wanted wanted;
  wanted.may_send = [](const Address& address) -> Result<bool> {
    if (address.local_part() == "later") return temporary("users: away");
    std::string const name = to_lower(address.local_part());
    bool const is_bobs = name == "bob" || name == "bob\xc3\xb6" || name.starts_with("bob-") || name.starts_with("bob+");
    return address.domain().text() == "here.example" && is_bobs;
  };
  wanted.host = "here.example";
  wanted.date = "DATE";
  wanted.message_id = "ID@here.example";
  wanted.most_bytes = 4096;
  return wanted;
}

// The message as it leaves, or the code of its refusal.
std::string mended(std::string_view text, std::size_t piece, bool is_utf8) {
  auto what = wanted();
  what.is_utf8 = is_utf8;
  SubmissionHeader header{std::move(what)};
  std::string left;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
    std::string part{text.substr(0, piece)};
    header.take(part);
    if (header.refusal().empty()) left += part;
  }
  std::string part;
  header.finish(part);
  return header.refusal().empty() ? left + part : std::string{header.refusal().substr(0, 9)};
}

void check(std::string_view text, std::string_view want, bool is_utf8 = false) {
  CAPTURE(text);
  for (std::size_t const piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, text.size() + 1})
    CHECK(mended(text, piece, is_utf8) == want);
}

constexpr std::string_view rest = "Date: d\nMessage-ID: <m>\n";

}  // namespace

TEST_CASE("what is missing is added, what is secret goes, all else stays as it was") {
  check("From: bob@here.example\n\nx\n", "From: bob@here.example\nDate: DATE\nMessage-ID: <ID@here.example>\n\nx\n");
  check("From: bob@here.example\nDATE : d\nmessage-id:m\n\n", "From: bob@here.example\nDATE : d\nmessage-id:m\n\n");
  check("Date: d\nFrom: bob@here.example\nMessage-ID: <m>\n\n\n\x01\xff",
        "Date: d\nFrom: bob@here.example\nMessage-ID: <m>\n\n\n\x01\xff");
  check(
      "Bcc: a@b.example,\n c@d.example\nFrom: bob@here.example\nRESENT-BCC: x\nReturn-Path: <>\nDate: d\nMessage-ID: <m>\nTo: "
      "x\n\nBcc: y\n",
      "From: bob@here.example\nDate: d\nMessage-ID: <m>\nTo: x\n\nBcc: y\n");
  check("From: bob@here.example\n", "From: bob@here.example\nDate: DATE\nMessage-ID: <ID@here.example>\n\n");  // no body
  check("From: bob@here.example", "From: bob@here.example\nDate: DATE\nMessage-ID: <ID@here.example>\n\n");    // nor a line end
  check("From: bob\n" + std::string{rest} + "\n", "From: bob@here.example\n" + std::string{rest} + "\n");      // completed
}

TEST_CASE("From is one's own, in whatever way it is written") {
  constexpr struct {
    std::string_view from;
    bool good;
  } cases[] = {
      {"bob@here.example", true},
      {"BOB@HERE.example", true},
      {"Bob <bob-list@here.example>", true},
      {"\"eve@there.example\" <bob@here.example>", true},  // a name, whatever it says
      {"bob@here.example (Bob)", true},
      {"\n bob@here.example", true},
      {"(eve@there.example) bob\n\t@here . example", true},
      {"=?utf-8?Q?B=C3=B6b?= <bob@here.example>", true},
      {"bob@here.example, bob+x@here.example", true},
      {"", false},
      {" \n ", false},
      {"<>", false},
      {"eve@there.example", false},
      {"eve@here.example", false},
      {"bob@here.example, eve@here.example", false},
      {"eve@here.example, bob@here.example", false},
      {"bob@here.example eve@here.example", false},  // as some read it
      {"eve@there.example <bob@here.example>", false},
      {"bob@here.example <eve@there.example>", false},
      {"<bob@here.example> <eve@there.example>", false},
      {"(bob@here.example) eve@there.example", false},
      {"(bob@here.example\n ) eve@there.example", false},
      {"bob@here.example (", false},
      {"eve@there.example\n (bob@here.example)", false},
      {"<@there.example:bob@here.example>", false},  // a route is a colon
      {"friends: bob@here.example;", false},
      {"eve@there.example: bob@here.example;", false},
      {"friends:;", false},
      {"bob@here.example;", false},
      {"bob@here.example@there.example", false},
      {"bob@here.example\x01", false},
      {"bob@here.example\r", false},
      {"bob@here.examplе", false},
      {"=?utf-8?Q?bob=40here=2Eexample?=", false},
      {"\"bob@here.example\"", false},
      {"bob", true},
      {"bob@here", false},
  };
  for (auto const& [from, good] : cases) {
    CAPTURE(from);
    std::string const text = "From: " + std::string{from} + "\n" + std::string{rest} + "Sender: bob@here.example\n\nx";
    for (std::size_t const piece : {std::size_t{1}, std::size_t{5}, text.size()})
      CHECK((mended(text, piece, true).substr(0, 4) != "550 ") == good);
  }
}

TEST_CASE("From is there once, and Sender is held to the same") {
  check(rest, "550 5.7.1");
  check("", "550 5.7.1");
  check("\nFrom: bob@here.example\n", "550 5.7.1");  // that is the body
  check("From: bob@here.example\nfrom: bob@here.example\n\n", "550 5.7.1");
  check("From: bob@here.example\nFrom : eve@there.example\n\n", "550 5.7.1");
  check("From: bob@here.example\nSender: eve@there.example\n\n", "550 5.7.1");
  check("From: eve@there.example\nSender: bob@here.example\n\n", "550 5.7.1");
  check("From: bob@here.example\nSender: bob@here.example, bob@here.example\n\n", "550 5.7.1");
  check("From: bob@here.example\nSender: bob@here.example\nSender: bob@here.example\n\n", "550 5.7.1");
  check("From: bob@here.example\nSender:\n\n", "550 5.7.1");
  std::string const two = "From: bob-a@here.example, bob-b@here.example\n" + std::string{rest};
  check(two + "\n", two + "Sender: bob-a@here.example\n\n");
  check(two + "Sender: bob-b@here.example\n\n", two + "Sender: bob-b@here.example\n\n");
}

TEST_CASE("addresses beyond ASCII want SMTPUTF8; what cannot be looked up is tried again; a header has fields only") {
  std::string const beyond = "From: bob\xc3\xb6@here.example\n" + std::string{rest} + "\n";
  check(beyond, "550 5.6.7");
  check(beyond, beyond, true);
  check("From: bob\xff@here.example\n\n", "550 5.7.1", true);
  check("From: later@here.example\n\n", "451 4.3.0");
  check("From: bob@here.example\nnot a field\nFrom: eve@there.example\n\n", "554 5.6.0");
  check("From bob@here.example Tue\nFrom: bob@here.example\n\n", "554 5.6.0");
  check(" fold of nothing\nFrom: bob@here.example\n\n", "554 5.6.0");
  check(std::string_view{"From: bob@here.example\nX: \0\n\n", 29}, "554 5.6.0");
  check("From: bob@here.example\nX: " + std::string(5000, 'x'), "552 5.3.4");
}
