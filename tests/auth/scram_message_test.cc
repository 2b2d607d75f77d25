// SCRAM messages as RFC 5802 §7 has them, and every other spelling refused.
#include "auth/scram_message.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("a first message of SCRAM is taken apart") {
  auto const first = ScramFirst::parse(Wire{"p=tls-server-end-point,a=us=2Cer=3D,n=us=2Cer=3D,r=ab!~,x=1,y=a=b"});
  REQUIRE(first);
  CHECK(first->binding == ScramFirst::Binding::used);
  CHECK(first->binding_name == "tls-server-end-point");
  CHECK(first->authzid == "us,er=");
  CHECK(first->header == "p=tls-server-end-point,a=us=2Cer=3D,");
  CHECK(first->bare == "n=us=2Cer=3D,r=ab!~,x=1,y=a=b");
  CHECK(first->login == "us,er=");
  CHECK(first->nonce == "ab!~");
  auto const plain = ScramFirst::parse(Wire{"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"});  // RFC 5802 §5
  REQUIRE(plain);
  CHECK(plain->binding == ScramFirst::Binding::none);
  CHECK(plain->header == "n,,");
}

TEST_CASE("what is no first message of SCRAM is refused") {
  std::string const nul = std::string{"n,,n=us"} + '\0' + "er,r=x";
  std::string_view const bad[] = {"",
                                  "n",
                                  "n,",
                                  "n,,",
                                  "n,,n=user",
                                  "n,,n=user,",
                                  "n,,n=user,r=",
                                  "n,,n=,r=x",
                                  "n,,r=x,n=user",
                                  "n,,n=us=er,r=x",
                                  "n,,n=us=2cer,r=x",
                                  "n,,n=us=3,r=x",
                                  "n,,m=x,n=user,r=x",
                                  "n,,n=user,r=x,m=y",
                                  "n,,n=user,r=x,",
                                  "n,,n=user,r=x,e",
                                  "n,,n=user,r=x,1=y",
                                  "n,,n=user,r=a b",
                                  "n,,n=user,r=\x7f",
                                  "n,a=,n=user,r=x",
                                  "n,b=user,n=user,r=x",
                                  "x,,n=user,r=x",
                                  "N,,n=user,r=x",
                                  "p,,n=user,r=x",
                                  "p=,,n=user,r=x",
                                  "p=tls_unique,,n=user,r=x",
                                  "y=1,,n=user,r=x",
                                  "n,,n=\xc3,r=x",
                                  "n,,n=\xed\xa0\x80,r=x",
                                  nul};
  for (std::string_view const text : bad) {
    CAPTURE(text);
    CHECK_FALSE(ScramFirst::parse(Wire{text}));
  }
}

TEST_CASE("a final message of SCRAM is taken apart") {
  auto const last = ScramFinal::parse(Wire{"c=biws,r=abc,x=1,p=AAEC"});
  REQUIRE(last);
  CHECK(last->binding == "n,,");
  CHECK(last->nonce == "abc");
  CHECK(last->without_proof == "c=biws,r=abc,x=1");
  CHECK(last->proof == std::string{"\0\1\2", 3});
  for (std::string_view const text :
       {"", "c=biws,r=abc", "c=biws,p=AAEC", "r=abc,p=AAEC", "r=abc,c=biws,p=AAEC", "c=,r=abc,p=AAEC", "c=biws,r=,p=AAEC",
        "c=biw,r=abc,p=AAEC", "c=biws,r=abc,p=AAE", "c=biws,r=abc,p=AAEC,x=1", "c=biws,r=abc,p=AAEC,", "c=biws,r=abc,m=1,p=AAEC",
        "c=biws,r=abc,,p=AAEC", ",p=AAEC"}) {
    CAPTURE(text);
    CHECK_FALSE(ScramFinal::parse(Wire{text}));
  }
}
