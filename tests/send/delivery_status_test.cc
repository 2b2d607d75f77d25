#include "send/delivery_status.h"

#include <catch2/catch.hpp>

#include "lib/net/remote_words.h"

using namespace postern;
using namespace std::string_view_literals;

namespace {

QueueId const id = *QueueId::parse(Wire{std::string_view{"1j0r1kbl9t2cc42n9mq"}});
constexpr std::int64_t tried = 1'763'805'600;

std::string status_of(const Recipient& recipient, Action action, std::string_view text, Alphabet alphabet = Alphabet::ascii,
                      std::int64_t until = 0) {
  Envelope const envelope;
  std::string const all = delivery_status({id,
                                           envelope,
                                           {{&recipient, action, tried, until, std::string{text}}},
                                           "here.example",
                                           "",
                                           "",
                                           false,
                                           "",
                                           "",
                                           "",
                                           false,
                                           false,
                                           WallTime{}},
                                          alphabet);
  return all.substr(all.find("\n\n") + 2);
}

Recipient recipient_of(std::string_view address, std::string_view original = {}) {
  return {*Address::parse(Wire{address}), 0, std::string{original}, 0};
}

constexpr const char attempt[] = "Last-Attempt-Date: Sat, 22 Nov 2025 10:00:00 +0000\n";

}  // namespace

TEST_CASE("a status code is the report's own where its class fits") {
  struct {
    const char *text, *code;
    char status_class;
  } const cases[] = {
      {"5.1.1 no mailbox", "5.1.1", '5'}, {"5.1.1", "5.1.1", '5'},
      {"4.2.2 full", "5.0.0", '5'},       {"", "5.0.0", '5'},
      {"5.1 no", "5.0.0", '5'},           {"5.1.1.1 no", "5.0.0", '5'},
      {"5.x.1 no", "5.0.0", '5'},         {"5..1 no", "5.0.0", '5'},
      {"5.123.456 x", "5.123.456", '5'},  {"5.1234.1 no", "5.0.0", '5'},
      {"2.0.0 delivered", "2.0.0", '2'},  {"5.1.1 no", "2.0.0", '2'},
      {"5.1.1\tno", "5.0.0", '5'},
  };
  for (auto const& [text, code, status_class] : cases) {
    CAPTURE(text);
    CHECK(status_code_of(text, status_class) == code);
  }
}

TEST_CASE("what another host said is told as its own") {
  Recipient const gone = recipient_of("gone@far.example");
  CHECK(status_of(gone, Action::failed, "5.1.1 mx.far.example[192.0.2.1] said: 550 5.1.1 no such user") ==
        std::string{"Final-Recipient: rfc822; gone@far.example\nAction: failed\nStatus: 5.1.1\nRemote-MTA: dns; mx.far.example\n"
                    "Diagnostic-Code: smtp; 550 5.1.1 no such user\n"} +
            attempt);
  CHECK(status_of(gone, Action::failed, given_up("4.2.0 [192.0.2.1][192.0.2.1] said: 450 4.2.0 later / 450 4.2.0 again")) ==
        std::string{"Final-Recipient: rfc822; gone@far.example\nAction: failed\nStatus: 4.4.7\nRemote-MTA: dns; [192.0.2.1]\n"
                    "Diagnostic-Code: smtp; 450 4.2.0 later / 450 4.2.0 again\n"} +
            attempt);
  CHECK(status_of(gone, Action::failed, given_up("4.4.1 far.example: no host took the connection")) ==
        std::string{"Final-Recipient: rfc822; gone@far.example\nAction: failed\nStatus: 4.4.7\nDiagnostic-Code: X-Postern; 4.4.7 "
                    "given up, too long in the queue; the last try: 4.4.1 far.example: no host took the connection\n"} +
            attempt);
  CHECK(status_of(gone, Action::relayed, "2.0.0 mx.far.example[192.0.2.1] said: 250 ok") ==
        std::string{"Final-Recipient: rfc822; gone@far.example\nAction: relayed\nStatus: 2.0.0\nRemote-MTA: dns; mx.far.example\n"
                    "Diagnostic-Code: smtp; 250 ok\n"} +
            attempt);
}

TEST_CASE("a delay says until when it is tried") {
  CHECK(
      status_of(recipient_of("slow@far.example"), Action::delayed, "4.4.1 far.example: no host took the connection",
                Alphabet::ascii, tried + 432'000) ==
      std::string{"Final-Recipient: rfc822; slow@far.example\nAction: delayed\nStatus: 4.4.1\nDiagnostic-Code: X-Postern; 4.4.1 "
                  "far.example: no host took the connection\n"} +
          attempt + "Will-Retry-Until: Thu, 27 Nov 2025 10:00:00 +0000\n");
}

TEST_CASE("addresses beyond ASCII have a form in each kind of report (RFC 6533 3)") {
  struct {
    std::string address, original;
    Alphabet alphabet;
    std::string final_field, original_field;
  } const cases[] = {
      {"gr\xc3\xbc\xc3\x9f@here.example", "", Alphabet::utf8, "utf-8; gr\xc3\xbc\xc3\x9f@here.example", ""},
      {"gr\xc3\xbc\xc3\x9f@here.example", "", Alphabet::ascii, "utf-8; gr\\x{FC}\\x{DF}@here.example", ""},
      {"a@here.example", "utf-8;gr\\x{FC}@x.example", Alphabet::utf8, "rfc822; a@here.example", "utf-8; gr\xc3\xbc@x.example"},
      {"a@here.example", "UTF-8;gr\xc3\xbc@x.example", Alphabet::ascii, "rfc822; a@here.example", "UTF-8; gr\\x{FC}@x.example"},
      {"a@here.example", "utf-8;gr\\x{FC}@x.example", Alphabet::ascii, "rfc822; a@here.example", "utf-8; gr\\x{FC}@x.example"},
      {"a@here.example", "utf-8;not \\x{", Alphabet::utf8, "rfc822; a@here.example", "utf-8; not \\x{"},
      {"a@here.example", "rfc822;b c@x", Alphabet::ascii, "rfc822; a@here.example", "rfc822; b c@x"},
      {"a@here.example", "x400;\xc3\xbc", Alphabet::ascii, "rfc822; a@here.example", "x400; ??"},
      {"a@here.example", "rfc822;a\nAction: delivered", Alphabet::utf8, "rfc822; a@here.example", "rfc822; a?Action: delivered"},
  };
  for (auto const& test : cases) {
    CAPTURE(test.address, test.original);
    std::string const original = test.original_field.empty() ? "" : "Original-Recipient: " + test.original_field + "\n";
    CHECK(status_of(recipient_of(test.address, test.original), Action::delivered, "2.0.0 ok", test.alphabet) ==
          original + "Final-Recipient: " + test.final_field + "\nAction: delivered\nStatus: 2.0.0\n" + attempt);
  }
}

TEST_CASE("what is shown is one line, and whole characters") {
  struct {
    std::string_view text;
    Alphabet alphabet;
    std::string_view line;
  } const cases[] = {
      {"plain", Alphabet::ascii, "plain"},
      {"a\r\nb\0c\x7f"sv, Alphabet::ascii, "a??b?c?"},
      {"\xc3\xbc", Alphabet::ascii, "??"},
      {"\xc3\xbc", Alphabet::utf8, "\xc3\xbc"},
      {"a\xff", Alphabet::utf8, "a"},
      {"\xff a", Alphabet::utf8, "? a"},
      {"torn \xc3", Alphabet::utf8, "torn "},
      {"torn \xe2\x82", Alphabet::utf8, "torn "},
      {"torn \xf0\x9f\x92", Alphabet::utf8, "torn "},
      {"\xbc\xbc\xbc\xbc", Alphabet::utf8, "????"},
      {"\xe2\x82\xac", Alphabet::utf8, "\xe2\x82\xac"},
      {"", Alphabet::utf8, ""},
  };
  for (auto const& [text, alphabet, line] : cases) {
    CAPTURE(std::string{text});
    CHECK(shown(text, alphabet) == line);
  }
}
