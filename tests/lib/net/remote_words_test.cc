#include "lib/net/remote_words.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("what another host said is written and read back") {
  RemoteReply const replies[] = {
      {"5.1.1", "mx.example.org", *IpAddress::parse(Wire{"192.0.2.1"}), "550 5.1.1 no such user"},
      {"4.2.0", "mx.example.org", *IpAddress::parse(Wire{"2001:db8::1"}), "451 a[b] said: 250 / 451 c"},
      {"2.0.0", "[192.0.2.1]", *IpAddress::parse(Wire{"192.0.2.1"}), ""},
      {"2.0.0", "mx.example.org", *IpAddress::parse(Wire{"192.0.2.1"}), "250 (x) said: y", "TLSv1.3 TLS_AES_256_GCM_SHA384 dane"},
  };
  for (const RemoteReply& reply : replies) {
    std::string const text = reply.text();
    auto const back = RemoteReply::parse(Wire{text});
    REQUIRE(back);
    CHECK(back->status == reply.status);
    CHECK(back->host == reply.host);
    CHECK(back->address == reply.address);
    CHECK(back->reply == reply.reply);
    CHECK(back->tls == reply.tls);
    CHECK(tls_of(text) == reply.tls);
  }
  CHECK(replies[3].text() == "2.0.0 mx.example.org[192.0.2.1] (TLSv1.3 TLS_AES_256_GCM_SHA384 dane) said: 250 (x) said: y");
  CHECK(replies[0].text() == "5.1.1 mx.example.org[192.0.2.1] said: 550 5.1.1 no such user");
}

TEST_CASE("a text of another kind is not what another host said") {
  std::string_view const others[] = {
      "",
      "5.1.1",
      "5.1.1 no mailbox here by that name",
      "4.4.1 example.org: no host took the connection",
      "6.1.1 mx.example[192.0.2.1] said: x",
      "5.1 mx.example[192.0.2.1] said: x",
      "5.1.1000 mx.example[192.0.2.1] said: x",
      "5.1.1 mx.example[192.0.2] said: x",
      "5.1.1 mx.example[192.0.2.1] says: x",
      "5.1.1 mx example[192.0.2.1] said: x",
      "5.1.1 [192.0.2.1] said: x",
      "5.1.1 mx.example said: x",
      "2.0.0 delivered to Maildir said: x",
      "2.0.0 mx.example[192.0.2.1] (TLSv1.3 said: x",
      "2.0.0 mx.example[192.0.2.1] (TLSv1.3)said: x",
  };
  for (std::string_view const text : others) {
    CAPTURE(std::string{text});
    CHECK_FALSE(RemoteReply::parse(Wire{text}));
  }
  CHECK(remote_trouble("4.4.1", "example.org", "no host took the connection") ==
        "4.4.1 example.org: no host took the connection");
}

TEST_CASE("what was said last is found behind the words of giving up") {
  std::string const text = given_up("4.2.0 mx.example.org[192.0.2.1] said: 450 later");
  CHECK(text == "4.4.7 given up, too long in the queue; the last try: 4.2.0 mx.example.org[192.0.2.1] said: 450 later");
  CHECK_FALSE(RemoteReply::parse(Wire{text}));
  CHECK(RemoteReply::parse(Wire{last_try(text)})->reply == "450 later");
  CHECK(last_try("5.1.1 no") == "5.1.1 no");
  CHECK(last_try(given_up("")).empty());
}

TEST_CASE("words of TLS, whatever tlsd says") {
  TlsFacts facts;
  facts.protocol = "TLSv1.3";
  facts.cipher = "a) said: 250 (" + std::string(100, 'x');
  facts.verified = TlsVerified::name;
  CHECK(tls_words(facts) == "TLSv1.3 a??said??250??" + std::string(26, 'x') + " verified");
  facts.cipher = "X";
  facts.verified = TlsVerified::dane;
  CHECK(tls_words(facts) == "TLSv1.3 X dane");
  facts.verified = TlsVerified::untrusted;
  CHECK(tls_words(facts) == "TLSv1.3 X untrusted");
  for (std::string_view const text : {"", "2.0.0", "2.0.0 x", "2.0.0 delivered (to) x"}) CHECK(tls_of(text).empty());
}
