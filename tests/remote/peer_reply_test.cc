#include "remote/peer_reply.h"

#include <catch2/catch.hpp>

#include "remote/peer_features.h"

using namespace postern;

TEST_CASE("replies: code, status and text") {
  struct {
    std::string_view wire;
    unsigned code;
    std::string_view status, text;
  } const cases[] = {
      {"250 2.1.0 Ok\r\n", 250, "2.1.0", "250 2.1.0 Ok"},
      {"220\r\n", 220, "2.0.0", "220"},
      {"250 \n", 250, "2.0.0", "250"},
      {"550-5.1.1 no such user\r\n550-5.1.1 here\r\n550 5.1.1\r\n", 550, "5.1.1", "550 5.1.1 no such user / here"},
      {"550 4.1.1 of another class\r\n", 550, "5.0.0", "550 4.1.1 of another class"},
      {"550 5.1 not three numbers\r\n", 550, "5.0.0", "550 5.1 not three numbers"},
      {"550 5.1.1111 too long\r\n", 550, "5.0.0", "550 5.1.1111 too long"},
      {"452 too many\r\n", 452, "4.3.1", "452 too many"},
      {"556 no mail here\r\n", 556, "5.1.10", "556 no mail here"},
      {"354 go\r\n", 354, "2.0.0", "354 go"},
      {"250 tab\tand \x7f control\r\n", 250, "2.0.0", "250 tab and ? control"},
      {"250 gr\xc3\xbc\xc3\x9f\r\n", 250, "2.0.0", "250 gr\xc3\xbc\xc3\x9f"},
      {"250 gr\xfc\xdf\r\n", 250, "2.0.0", "250 gr??"},
      {"250 a\rb\r\r\n", 250, "2.0.0", "250 a?b"},
  };
  for (auto const& [wire, code, status, text] : cases) {
    auto const reply = PeerReply::parse(Wire{wire});
    REQUIRE(reply);
    CHECK(reply->code() == code);
    CHECK(reply->status() == status);
    CHECK(reply->text() == text);
  }
  CHECK(PeerReply::parse(Wire{std::string_view{"250 a\0b\r\n", 9}})->text() == "250 a?b");
}

TEST_CASE("what is no reply") {
  std::string const endless(longest_reply_line + 10, 'x');
  std::string many;
  for (std::size_t i = 0; i < most_reply_lines; ++i) many += "250-x\r\n";
  for (std::string const& wire :
       {std::string{}, std::string{"250 no end"}, std::string{"250-more\r\n"}, std::string{"25 x\r\n"}, std::string{"2500 x\r\n"},
        std::string{"150 x\r\n"}, std::string{"650 x\r\n"}, std::string{"hello\r\n"}, std::string{"250+x\r\n"},
        std::string{"\r\n"}, std::string{"250-a\r\n251 b\r\n"}, std::string{"250 a\r\n250 b\r\n"}, "250 " + endless + "\r\n",
        many + "250 x\r\n", std::string{"250-a\r\n\r\n250 b\r\n"}})
    CHECK_FALSE(PeerReply::parse(Wire{wire}));
}

TEST_CASE("a reply that never ends is given up before it fills memory") {
  ReplyEnd end;
  std::string text;
  auto const feed = [&](std::string_view piece) -> bool {
    text += piece;
    return end.find_in(text).has_value();
  };
  while (text.size() < 10 * longest_reply &&
         feed("250-0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 "
              "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789\r\n"))
    continue;
  CHECK(text.size() <= longest_reply + 200);
}

TEST_CASE("a report's text is cut between characters") {
  std::string wire = "550 x";
  for (int i = 0; i < 400; ++i) wire += "\xc3\xbc";
  auto const reply = PeerReply::parse(Wire{wire += "\r\n"});
  REQUIRE(reply);
  CHECK(reply->text().size() == 399);
}

TEST_CASE("what a server says that it can do") {
  auto const of = [](std::string_view wire) { return PeerFeatures::from(*PeerReply::parse(Wire{wire})); };
  CHECK(of("250 PIPELINING\r\n") == PeerFeatures{});  // the first line is its name
  CHECK(of("250-x\r\n250-pipelining\r\n250-8bitmime\r\n250-SMTPUTF8\r\n250-DSN\r\n250-Size 1000\r\n250 CHUNKING\r\n") ==
        PeerFeatures{true, true, true, true, true, true, 1000, false, false});
  CHECK_FALSE(of("250-x\r\n250 SMTPUTF8\r\n").has_utf8);
  for (std::string_view const size :
       {"250-x\r\n250 SIZE\r\n", "250-x\r\n250 SIZE x\r\n", "250-x\r\n250 SIZE 99999999999999999999\r\n"}) {
    CHECK(of(size).has_size);
    CHECK(of(size).largest == 0);
  }
  CHECK(of("250-x\r\n250 AUTH LOGIN PLAIN\r\n").has_auth_plain);
  CHECK(of("250-x\r\n250 AUTH=LOGIN\r\n").has_auth_login);
  CHECK_FALSE(of("250-x\r\n250 AUTH PLAINTEXT\r\n").has_auth_plain);
}
