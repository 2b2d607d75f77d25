#include "send/bounce_names.h"

#include <catch2/catch.hpp>

#include "tests/scratch.h"

using namespace postern;

namespace {

Result<BounceNames> read(const Scratch& control) { return BounceNames::read(*Control::open(control.path())); }

Envelope envelope_of(std::string_view sender, std::initializer_list<std::string_view> recipients) {
  Envelope envelope;
  envelope.sender = *Address::parse(Wire{sender});
  for (std::string_view const recipient : recipients) envelope.recipients.push_back({*Address::parse(Wire{recipient}), 0, {}, 0});
  return envelope;
}

}  // namespace

TEST_CASE("the control files of qmail's names, with its meanings and what counts without them") {
  struct {
    const char *from, *from_host, *to, *to_host;  // nullptr: no such file
    std::string_view sender, double_to;           // empty: dropped
  } const cases[] = {
      {nullptr, nullptr, nullptr, nullptr, "MAILER-DAEMON@here.example", "postmaster@here.example"},
      {"bounces", nullptr, "root", nullptr, "bounces@here.example", "root@here.example"},
      {nullptr, "mail.example", nullptr, "pm.example", "MAILER-DAEMON@mail.example", "postmaster@pm.example"},
      {"b b", "MAIL.example", "p p", "PM.example", "\"b b\"@mail.example", "\"p p\"@pm.example"},
      {nullptr, nullptr, "", nullptr, "MAILER-DAEMON@here.example", ""},
      {nullptr, nullptr, "\n", "pm.example", "MAILER-DAEMON@here.example", ""},
      {nullptr, nullptr, "who@elsewhere.example", "pm.example", "MAILER-DAEMON@here.example", "who@elsewhere.example"},
  };
  for (auto const& test : cases) {
    Scratch control;
    control.write("me", "here.example\n");
    if (test.from) control.write("bouncefrom", test.from);
    if (test.from_host) control.write("bouncehost", test.from_host);
    if (test.to) control.write("doublebounceto", test.to);
    if (test.to_host) control.write("doublebouncehost", test.to_host);
    auto const names = read(control);
    REQUIRE(names);
    CHECK(names->from.text() == test.sender);
    CHECK((names->double_to ? names->double_to->text() : "") == test.double_to);
  }
}

TEST_CASE("names that make no address are errors that say which file") {
  struct {
    const char *file, *text, *word;
  } const cases[] = {{"bouncefrom", "\n", "bouncefrom"},
                     {"bouncehost", "a..b\n", "bouncehost"},
                     {"bouncefrom", "a\tb\n", "bouncefrom"},
                     {"doublebounceto", "a@b@c\n", "doublebounceto"},
                     {"doublebouncehost", "\n", "doublebouncehost"},
                     {"doublebouncehost", "-\n", "doublebouncehost"}};
  for (auto const& [file, text, word] : cases) {
    Scratch control;
    control.write("me", "here.example\n");
    control.write(file, text);
    auto const names = read(control);
    REQUIRE_FALSE(names);
    CHECK(names.error().text().find(word) != std::string::npos);
  }
}

TEST_CASE("what is itself a report is known by its sender, and by being for the address that reports are from") {
  Scratch control;
  control.write("me", "here.example\n");
  control.write("bouncefrom", "reports\n");
  BounceNames const names = *read(control);
  struct {
    std::string_view sender, recipient;
    bool is_report;
  } const cases[] = {
      {"", "a@here.example", true},
      {"me@far.example", "a@here.example", false},
      {"mailer-daemon@far.example", "a@here.example", true},
      {"MAILER-DAEMON@here.example", "a@here.example", true},
      {"Reports@here.example", "a@here.example", true},
      {"reports@far.example", "a@here.example", false},
      {"me@far.example", "reports@here.example", true},
      {"me@far.example", "REPORTS@here.example", true},
  };
  for (auto const& [sender, recipient, is_report] : cases) {
    CAPTURE(std::string{sender}, std::string{recipient});
    CHECK(names.is_report(envelope_of(sender, {recipient})) == is_report);
  }
  CHECK_FALSE(names.is_report(envelope_of("me@far.example", {"reports@here.example", "a@here.example"})));
}
