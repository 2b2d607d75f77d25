#include "remote/mail_commands.h"

#include <catch2/catch.hpp>

#include "lib/core/base64.h"

using namespace postern;

namespace {

constexpr PeerFeatures everything{true, true, true, true, true, true, 0, false, false};

Recipient recipient(std::string_view address, unsigned notify = 0, std::string original = {}) {
  return {*Address::parse(Wire{address}), notify, std::move(original), 0};
}

}  // namespace

TEST_CASE("MAIL says what the server understands, and no more") {
  Envelope envelope;
  envelope.sender =
      *Address::parse(Wire{"alice@b\xc3\xbc"
                           "cher.example"});
  envelope.ret = Return::headers;
  envelope.envid = "a+b=c d";
  CHECK(mail_command(envelope, {true, true, 1234}, everything) ==
        "MAIL FROM:<alice@b\xc3\xbc"
        "cher.example> SIZE=1234 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb+3Dc+20d\r\n");
  CHECK(mail_command(envelope, {false, true, 1234}, {}) == "MAIL FROM:<alice@xn--bcher-kva.example>\r\n");
  CHECK(mail_command(Envelope{}, {}, {}) == "MAIL FROM:<>\r\n");
}

TEST_CASE("RCPT passes on what the sender asked for") {
  CHECK(rcpt_command(recipient("b@x.example", notify_never, "rfc822;b+c@y"), {}, everything) ==
        "RCPT TO:<b@x.example> NOTIFY=NEVER ORCPT=rfc822;b+2Bc@y\r\n");
  CHECK(rcpt_command(recipient("b@x.example", notify_success | notify_failure | notify_delay), {}, everything) ==
        "RCPT TO:<b@x.example> NOTIFY=SUCCESS,FAILURE,DELAY\r\n");
  CHECK(rcpt_command(recipient("b@x.example", notify_never, "rfc822;b@y"), {}, {}) == "RCPT TO:<b@x.example>\r\n");
  CHECK(rcpt_command(recipient("\"a b\"@x.example"), {}, everything) == "RCPT TO:<\"a b\"@x.example>\r\n");
}

TEST_CASE("an original recipient is xtext, or the forms of RFC 6533 beyond ASCII") {
  struct {
    std::string_view original;
    bool is_utf8;
    std::string_view encoded;
  } const cases[] = {
      {"rfc822;a=b@c", false, "rfc822;a+3Db@c"},
      {"utf-8;b\xc3\xbc+@c", true, "utf-8;b\\x{FC}\\x{2B}@c"},
      {"utf-8;b\xc3\xbc@c", true, "utf-8;b\xc3\xbc@c"},
      {"utf-8;b\\x{FC}@c", true, "utf-8;b\xc3\xbc@c"},
      {"utf-8;b\xc3\xbc@c", false, "utf-8;b\\x{FC}@c"},
      {"UTF-8;\xf0\x9f\x98\x80\\x{FC}", false, "utf-8;\\x{1F600}\\x{FC}"},
      {"utf-8;a b", true, "utf-8;a\\x{20}b"},
      {"rfc822;\xe2\x82\xac@c", false, "utf-8;\\x{20AC}@c"},
      {"rfc822 NOTIFY=NEVER;x", false, ""},
      {";x", false, ""},
      {"nothing", false, ""},
      {"utf-8;\xff", true, ""},
  };
  for (auto const& [original, is_utf8, encoded] : cases) CHECK(encode_original(original, is_utf8) == encoded);
  CHECK(encode_original("rfc822;" + std::string(400, '+'), false).empty());
}

TEST_CASE("whose address needs SMTPUTF8") {
  CHECK_FALSE(needs_utf8(Address::null_sender()));
  CHECK_FALSE(needs_utf8(*Address::parse(Wire{"a@b.example"})));
  CHECK_FALSE(
      needs_utf8(*Address::parse(Wire{"a@b\xc3\xbc"
                                      "cher.example"})));
  CHECK(needs_utf8(*Address::parse(Wire{"\xc3\xbc@b.example"})));
}

TEST_CASE("base64 (RFC 4648 section 10)") {
  constexpr std::pair<std::string_view, std::string_view> cases[] = {{"", ""},
                                                                     {"f", "Zg=="},
                                                                     {"fo", "Zm8="},
                                                                     {"foo", "Zm9v"},
                                                                     {"foob", "Zm9vYg=="},
                                                                     {"fooba", "Zm9vYmE="},
                                                                     {"foobar", "Zm9vYmFy"},
                                                                     {"\xff\xfe", "//4="}};
  for (auto const& [bytes, text] : cases) CHECK(base64(bytes) == text);
}
