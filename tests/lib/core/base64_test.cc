// Tests of lib/core/base64: against RFC 4648 and OpenSSL, every length, and every other spelling refused.
#include "lib/core/base64.h"

#include <openssl/evp.h>

#include <catch2/catch.hpp>

using namespace postern;
using namespace std::string_view_literals;

TEST_CASE("base64 stands as RFC 4648 §10 has it") {
  constexpr struct {
    std::string_view bytes, text;
  } cases[] = {{"", ""},
               {"f", "Zg=="},
               {"fo", "Zm8="},
               {"foo", "Zm9v"},
               {"foob", "Zm9vYg=="},
               {"fooba", "Zm9vYmE="},
               {"foobar", "Zm9vYmFy"}};
  for (auto const& [bytes, text] : cases) {
    CHECK(base64(bytes) == text);
    auto const back = from_base64(Wire{text});
    REQUIRE(back);
    CHECK(*back == bytes);
  }
}

TEST_CASE("every length from 0 to 4096 is what OpenSSL makes of it, and comes back") {
  for (std::size_t length = 0; length <= 4096; ++length) {
    std::string bytes;
    for (std::size_t i = 0; i < length; ++i) bytes += static_cast<char>(i * 131 + length * 7);
    std::string const text = base64(bytes);
    std::string reference((length + 2) / 3 * 4 + 1, '\0');  // and a NUL
    auto const* const input = reinterpret_cast<const unsigned char*>(bytes.data());
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(reference.data()), input, static_cast<int>(length));
    reference.pop_back();
    REQUIRE(text == reference);
    auto const back = from_base64(Wire{text});
    REQUIRE(back);
    REQUIRE(*back == bytes);
  }
}

TEST_CASE("base64 has one spelling") {
  for (std::string_view const text : {"Z"sv, "Zg"sv, "Zg="sv, "Zg==="sv, "Zh=="sv, "Zm9="sv, "Z==="sv, "===="sv, "Zg==Zg=="sv,
                                      "Zm9v\n"sv, "Zm9v "sv, "Zm-v"sv, "Zm_v"sv, "=m9v"sv, "Zm=v"sv, "Zm9v===="sv, "\0Zm9"sv})
    CHECK_FALSE(from_base64(Wire{text}));
}
