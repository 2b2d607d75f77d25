// Tests of smtpd/smtp_command and command_words: the grammar's edges, each with the reply that refuses it.
#include "smtpd/smtp_command.h"

#include <catch2/catch.hpp>

#include "smtpd/command_words.h"

using namespace postern;

namespace {

template <class T>
std::string reply_of(const Result<T>& result) {
  return result ? "" : std::string{result.error().what().substr(0, 9)};
}

}  // namespace

TEST_CASE("a command line is a verb and an argument") {
  constexpr struct {
    std::string_view line, verb, argument;
  } good[] = {{"NOOP\r\n", "NOOP", ""},
              {"\r\n", "", ""},
              {"MAIL FROM:<>\r\n", "MAIL", "FROM:<>"},
              {"NOOP  a  b  \r\n", "NOOP", "a  b"},
              {" NOOP\r\n", "", "NOOP"},
              {"x \xc3\xa9\r\n", "x", "\xc3\xa9"}};
  for (auto const& [line, verb, argument] : good) {
    auto const words = CommandLine::parse(Wire{line});
    REQUIRE(words.has_value());
    CHECK(words->verb == verb);
    CHECK(words->argument == argument);
  }
  using namespace std::string_view_literals;
  for (std::string_view const line : {""sv, "NOOP"sv, "NOOP\n"sv, "NOOP\r"sv, "NO\rOP\r\n"sv, "\rNOOP\r\n"sv, "NOOP\r\r\n"sv,
                                      "NO\0OP\r\n"sv, "NOOP\tx\r\n"sv, "\x7f\r\n"sv, "\xc3\r\n"sv, "\xff\r\n"sv, "\n\r\n"sv}) {
    INFO("line " << line);
    CHECK(reply_of(CommandLine::parse(Wire{line})) == "500 5.5.2");
  }
}

TEST_CASE("a path stands in angle brackets, and a route before it goes away") {
  constexpr struct {
    std::string_view text, path, rest;
  } good[] = {
      {"<>", "", ""},
      {"<a@b>", "a@b", ""},
      {"<a@b> SIZE=1", "a@b", " SIZE=1"},
      {"<\"a>b\"@c> x", "\"a>b\"@c", " x"},
      {"<\"a\\\">\"@c>", "\"a\\\">\"@c", ""},
      {"<@x:a@b>", "a@b", ""},
      {"<@x,@y.z:a@b>", "a@b", ""},
      {"<@[IPv6:::1]:a@b>", "a@b", ""},
      {"<a@[IPv6:::1]>", "a@[IPv6:::1]", ""},
      {"<a:b@c>", "a:b@c", ""},  // not a path's business
  };
  for (auto const& [text, path, rest] : good) {
    std::string_view left = text;
    auto const found = take_path(left);
    INFO(text);
    REQUIRE(found.has_value());
    CHECK(*found == path);
    CHECK(left == rest);
  }
  for (std::string_view const text : {"", "a@b", "<a@b", "<", ">", " <a@b>", "<a@b>x", "<a@b>>", "<\"a>", "<@x>", "<@x:>",
                                      "<@:a@b>", "<@x,:a@b>", "<@x,y:a@b>", "<@x,,@y:a@b>", "<@-x:a@b>"}) {
    std::string_view left = text;
    INFO(text);
    CHECK_FALSE(take_path(left).has_value());
  }
}

TEST_CASE("xtext stands for bytes, never for a control character") {
  constexpr struct {
    std::string_view text, decoded;
  } good[] = {{"", ""}, {"abc", "abc"}, {"a+20b", "a b"}, {"+2B+3D", "+="}, {"+2b", "+"}, {"+C3+A9", "\xc3\xa9"}, {"!~", "!~"}};
  for (auto const& [text, decoded] : good) {
    auto const found = decode_xtext(Wire{text});
    REQUIRE(found.has_value());
    CHECK(*found == decoded);
  }
  for (std::string_view const text :
       {"+", "+4", "+4g", "+g4", "a b", "a=b", "+00", "+0A", "+0D", "+7F", "+1F", "a\x7f", "\x01"}) {
    INFO(text);
    CHECK_FALSE(decode_xtext(Wire{text}).has_value());
  }
}

TEST_CASE("MAIL in full") {
  auto const command =
      MailCommand::parse(Wire{std::string_view{"FROM:<j\xc3\xbcrgen@b\xc3\xbc"
                                               "cher.example> SIZE=1099511627776 body=8bitmime SMTPUTF8 ret=hdrs ENVID=a+20b"}});
  REQUIRE(command.has_value());
  CHECK(command->sender.text() ==
        "j\xc3\xbcrgen@b\xc3\xbc"
        "cher.example");
  CHECK(command->size == 1'099'511'627'776);
  CHECK(command->is_eight_bit);
  CHECK(command->is_utf8);
  CHECK(command->ret == Return::headers);
  CHECK(command->envid == "a b");
  auto const bounce = MailCommand::parse(Wire{std::string_view{"from:<>"}});
  REQUIRE(bounce.has_value());
  CHECK(bounce->sender.is_null_sender());
  CHECK(MailCommand::parse(Wire{std::string_view{"FROM:<#@[]> SIZE=3"}})->sender.is_null_sender());  // qmail's double bounces
  CHECK_FALSE(MailCommand::parse(Wire{std::string_view{"FROM:<x-@[]>"}}));
  CHECK(bounce->size == 0);
  CHECK_FALSE(bounce->is_eight_bit);
  CHECK(bounce->ret == Return::unset);
}

TEST_CASE("MAIL refused") {
  constexpr struct {
    std::string_view argument, reply;
  } cases[] = {
      {"", "501 5.5.4"},
      {"FROM", "501 5.5.4"},
      {"TO:<a@b>", "501 5.5.4"},
      {"FROM <a@b>", "501 5.5.4"},
      {"FROM :<a@b>", "501 5.5.4"},
      {"FROM:", "501 5.1.7"},
      {"FROM:a@b", "501 5.1.7"},
      {"FROM:<a>", "501 5.1.7"},
      {"FROM:<postmaster>", "501 5.1.7"},
      {"FROM:<a@b>SIZE=1", "501 5.1.7"},
      {"FROM:<a@b> SIZE=", "501 5.5.4"},
      {"FROM:<a@b> SIZE=+1", "501 5.5.4"},
      {"FROM:<a@b> SIZE=1099511627777", "552 5.3.4"},
      {"FROM:<a@b> SIZE=99999999999999999999", "552 5.3.4"},
      {"FROM:<a@b> SIZE=999999999999999999999", "501 5.5.4"},
      {"FROM:<a@b> BODY=BINARYMIME", "555 5.5.4"},
      {"FROM:<a@b> BODY=", "501 5.5.4"},
      {"FROM:<a@b> SMTPUTF8=", "501 5.5.4"},
      {"FROM:<a@b> SMTPUTF8 SMTPUTF8", "501 5.5.4"},
      {"FROM:<a@b> RET=", "501 5.5.4"},
      {"FROM:<a@b> ENVID=\xc3\xa9", "501 5.5.4"},
      {"FROM:<a@b> ENVID=+C3+A9", "501 5.5.4"},
      {"FROM:<a@b> AUTH=", "501 5.5.4"},
      {"FROM:<a@b> AUTH", "501 5.5.4"},
      {"FROM:<a@b> AUTH=a+0Db", "501 5.5.4"},
      {"FROM:<a@b> AUTH=+00", "501 5.5.4"},
      {"FROM:<a@b> AUTH=a AUTH=b", "501 5.5.4"},
      {"FROM:<a@b> -X=1", "501 5.5.4"},
      {"FROM:<a@b> X_Y=1", "501 5.5.4"},
      {"FROM:<a@b> X-Y=1", "555 5.5.4"},
      {"FROM:<\xc3\xa9@b>", "550 5.6.7"},
      {"FROM:<a@\xc3\xa9>", "550 5.6.7"},
  };
  for (auto const& [argument, reply] : cases) {
    INFO(argument);
    CHECK(reply_of(MailCommand::parse(Wire{argument})) == reply);
  }
}

TEST_CASE("RCPT") {
  auto const command = RcptCommand::parse(Wire{std::string_view{"TO:<bob@b> notify=success,DELAY orcpt=rfc822;a+40b"}}, false);
  REQUIRE(command.has_value());
  CHECK(command->address->text() == "bob@b");
  CHECK(command->notify == (notify_success | notify_delay));
  CHECK(command->original == "rfc822;a@b");
  auto const postmaster = RcptCommand::parse(Wire{std::string_view{"TO:<PostMaster> NOTIFY=NEVER"}}, false);
  REQUIRE(postmaster.has_value());
  CHECK_FALSE(postmaster->address.has_value());
  CHECK(postmaster->notify == notify_never);
  constexpr struct {
    std::string_view argument, reply;
  } cases[] = {
      {"FROM:<a@b>", "501 5.5.4"},
      {"TO:<>", "501 5.1.3"},
      {"TO:<a>", "501 5.1.3"},
      {"TO:a@b", "501 5.1.3"},
      {"TO:<a@b> NOTIFY", "501 5.5.4"},
      {"TO:<a@b> NOTIFY=NEVER,DELAY", "501 5.5.4"},
      {"TO:<a@b> NOTIFY=DELAY,NEVER", "501 5.5.4"},
      {"TO:<a@b> NOTIFY=,DELAY", "501 5.5.4"},
      {"TO:<a@b> ORCPT=rfc822;", "501 5.5.4"},
      {"TO:<a@b> ORCPT=rfc 822;x", "501 5.5.4"},
      {"TO:<a@b> ORCPT=r+fc;x", "501 5.5.4"},
      {"TO:<a@b> ORCPT=rfc822;+FF", "501 5.5.4"},
      {"TO:<a@b> ORCPT=utf-8;\xc3\xa9", "501 5.6.7"},
      {"TO:<a@b> SIZE=1", "555 5.5.4"},
      {"TO:<\xc3\xa9@b>", "553 5.6.7"},
  };
  for (auto const& [argument, reply] : cases) {
    INFO(argument);
    CHECK(reply_of(RcptCommand::parse(Wire{argument}, false)) == reply);
  }
  CHECK(RcptCommand::parse(Wire{std::string_view{"TO:<\xc3\xa9@b> ORCPT=utf-8;\xc3\xa9"}}, true).has_value());
}

TEST_CASE("BDAT") {
  constexpr struct {
    std::string_view argument;
    std::uint64_t size;
    bool is_last;
  } good[] = {{"0", 0, false}, {"0 LAST", 0, true}, {"10  last", 10, true}, {"1099511627776", 1'099'511'627'776, false}};
  for (auto const& [argument, size, is_last] : good) {
    auto const command = BdatCommand::parse(Wire{argument});
    REQUIRE(command.has_value());
    CHECK(command->size == size);
    CHECK(command->is_last == is_last);
  }
  for (std::string_view const argument : {"", "x", "-1", "+1", "1x", "1,LAST", "LAST", "1 LAST LAST", "1 FIRST", "0x10"}) {
    INFO(argument);
    CHECK(reply_of(BdatCommand::parse(Wire{argument})) == "501 5.5.4");
  }
  for (std::string_view const argument : {"1099511627777", "18446744073709551616 LAST", "99999999999999999999999999999999"})
    CHECK(reply_of(BdatCommand::parse(Wire{argument})) == "552 5.3.4");
}
