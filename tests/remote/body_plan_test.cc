#include "remote/body_plan.h"

#include <catch2/catch.hpp>

#include "remote/content_type.h"
#include "tests/remote/outgoing.h"
#include "tests/remote/receivers.h"

using namespace postern;

namespace {

std::string converted(std::string_view stored, EightBit eight_bit = EightBit::unfit) {
  std::string why;
  auto const sent = outgoing(stored, eight_bit, {}, &why);
  return sent ? receive_strictly(sent->wire).text : why;
}

}  // namespace

TEST_CASE("text without MIME becomes quoted-printable and says so") {
  CHECK(converted("Subject: x\n\nGr\xc3\xbc\xc3\x9f"
                  "e = \n") ==
        "Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
        "Gr=C3=BC=C3=9Fe =3D=20\n");
  CHECK(converted("Subject: x\n\n\xfc\n").find("charset=unknown-8bit\n") != std::string::npos);
  CHECK(converted("Subject: x\n\nplain\n") == "Subject: x\n\nplain\n");
}

TEST_CASE("fields stay but the encoding") {
  CHECK(converted("MIME-Version: 1.0\nContent-Transfer-Encoding: 8bit\nContent-Type: text/html;\n charset=iso-8859-1\nSubject: "
                  "x\n\n\xfc\n") ==
        "MIME-Version: 1.0\nContent-Type: text/html;\n charset=iso-8859-1\nSubject: x\nContent-Transfer-Encoding: "
        "quoted-printable\n\n=FC\n");
}

TEST_CASE("of a multipart only the parts that need it are converted, and labels say so") {
  CHECK(converted("MIME-Version: 1.0\n"
                  "Content-Type: multipart/mixed; boundary=\"b 1\"\n"
                  "Content-Transfer-Encoding: 8bit\n"
                  "\n"
                  "pr\xe4"
                  "amble\n"
                  "--b 1\n"
                  "\n"
                  "\xfc\n"
                  "--b 1 \n"
                  "Content-Type: text/plain\n"
                  "Content-Transfer-Encoding: 8bit\n"
                  "\n"
                  "plain\n"
                  "--b 1\n"
                  "Content-Type: message/rfc822\n"
                  "\n"
                  "Subject: inner\n"
                  "\n"
                  "\xe9\n"
                  "--b 1\n"
                  "Content-Type: multipart/alternative; boundary=b2\n"
                  "\n"
                  "--b2\n"
                  "\n"
                  "\xe8\n"
                  "--b 1--\n"
                  "epilogue\n") ==
        "MIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=\"b 1\"\n"
        "Content-Transfer-Encoding: 7bit\n"
        "\n"
        "pr?amble\n"
        "--b 1\n"
        "Content-Transfer-Encoding: quoted-printable\n"
        "\n"
        "=FC\n"
        "--b 1 \n"
        "Content-Type: text/plain\n"
        "Content-Transfer-Encoding: 7bit\n"
        "\n"
        "plain\n"
        "--b 1\n"
        "Content-Type: message/rfc822\n"
        "\n"
        "Subject: inner\n"
        "MIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=unknown-8bit\n"
        "Content-Transfer-Encoding: quoted-printable\n"
        "\n"
        "=E9\n"
        "--b 1\n"
        "Content-Type: multipart/alternative; boundary=b2\n"
        "\n"
        "--b2\n"
        "Content-Transfer-Encoding: quoted-printable\n"
        "\n"
        "=E8\n"
        "--b 1--\n"
        "epilogue\n");
}

TEST_CASE("the parts of a digest are messages") {
  CHECK(converted("Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: x\n\n\xe4\n--d--\n") ==
        "Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: x\nMIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=unknown-8bit\nContent-Transfer-Encoding: quoted-printable\n\n=E4\n--d--\n");
}

TEST_CASE("a signed multipart leaves untouched when it can leave at all") {
  std::string const text =
      "Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: multipart/signed; boundary=s\n\n--s\n"
      "Content-Transfer-Encoding: 8bit\n\nplain\n--s\n\nsignature\n--s--\n--m\n\n";
  CHECK(converted(text + "\xe4\n--m--\n") ==
        text.substr(0, text.size() - 1) + "Content-Transfer-Encoding: quoted-printable\n\n=E4\n--m--\n");
}

TEST_CASE("an encoding that holds what cannot stand in it is mended, not encoded again") {
  CHECK(converted("Content-Transfer-Encoding: quoted-printable\n\na=E4\xe4=\nb=\n") ==
        "Content-Transfer-Encoding: quoted-printable\n\na=E4=E4=\nb=\n");
  std::string const long_line(1000, 'Q');
  std::string const cut = converted("Content-Transfer-Encoding: base64\n\n" + long_line + "\nQQ==\n", EightBit::fine);
  CHECK(cut.starts_with("Content-Transfer-Encoding: base64\n\n" + long_line.substr(0, 76) + "\nQQQQ"));
  CHECK(cut.ends_with("\nQQ==\n"));
}

TEST_CASE("no line that is added can be taken for a boundary") {
  // A soft break in front of hyphens, and a line that becomes the boundary's text only when it is encoded.
  std::string const filler(74, 'x');
  std::string const text = converted("Content-Type: multipart/mixed; boundary=\"=C3=A4\"\n\n--=C3=A4\n\n" + filler +
                                     "---=C3=A4\n--\xc3\xa4\n--=C3=A4--\n");
  std::size_t boundaries = 0;
  for (std::size_t at = 0; (at = text.find("\n--=C3=A4", at)) != std::string::npos; ++at) ++boundaries;
  CHECK(boundaries == 2);
}

TEST_CASE("the longer of two boundaries is found behind the shorter") {
  CHECK(converted(
            "Content-Type: multipart/mixed; boundary=b1\n\n--b1\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n"
            "--b1\n\n\xe4\n--b1--\n")
            .find("--b1\nContent-Transfer-Encoding: quoted-printable\n\n=E4\n--b1--\n") != std::string::npos);
}

TEST_CASE("a field's line that is too long is folded in front of a blank") {
  std::string const word(600, 'w');
  CHECK(converted("References: " + word + " " + word + "\n\nx\n", EightBit::fine) ==
        "References: " + word + "\n " + word + "\n\nx\n");
}

TEST_CASE("hostile structures take linear time and bounded memory") {
  std::string nested = "Subject: x\n";
  for (int i = 0; i < 60; ++i)
    nested += "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "x\n\n--b" + std::to_string(i) + "x\n";
  CHECK(converted(nested + "\n\xe4\n").starts_with("5.6.3 its parts are nested too deep"));
  std::string parts = "Content-Type: multipart/mixed; boundary=b\n\n";
  for (int i = 0; i < 20'000; ++i) parts += "--b\n\n\xe4\n";
  CHECK(converted(parts).starts_with("5.6.3 it has too many parts"));
  std::string messages;
  for (int i = 0; i < 40'000; ++i) messages += "Content-Type: message/rfc822\n\n";
  CHECK(converted(messages + "\xe4\n").starts_with("5.6.3 it has too many parts"));
  std::string hyphens = "Content-Type: multipart/mixed; boundary=" + std::string(69, '-') + "x\n\n";
  for (int i = 0; i < 100'000; ++i) hyphens += std::string(71, '-') + "\n";
  CHECK(converted(hyphens + "\xe4\n").ends_with("?\n"));
}

TEST_CASE("content types are read as they are written") {
  struct {
    std::string_view body, type, subtype, boundary;
  } const cases[] = {
      {"multipart/mixed; boundary=\"a b\"", "multipart", "mixed", "a b"},
      {"Multipart/Mixed;\tBOUNDARY=abc", "multipart", "mixed", "abc"},
      {"multipart/mixed (comment (nested)) ; charset=x; boundary = \"a\\\"b\" ", "multipart", "mixed", "a\"b"},
      {"multipart/mixed; boundary=a=b;x", "multipart", "mixed", "a=b"},
      {"multipart/mixed; boundary=\"\"", "multipart", "mixed", ""},
      {"multipart/mixed; boundary=\"ends with blank \"", "multipart", "mixed", ""},
      {"text/plain", "text", "plain", ""},
      {"message / rfc822", "message", "rfc822", ""},
  };
  for (auto const& [body, type, subtype, boundary] : cases) {
    auto const content = ContentType::parse(Wire{body});
    REQUIRE(content);
    CHECK(content->type == type);
    CHECK(content->subtype == subtype);
    CHECK(content->boundary == boundary);
  }
  for (std::string_view const bad : {"", "text", "/plain", "text/", ";boundary=x", "(text/plain"})
    CHECK_FALSE(ContentType::parse(Wire{bad}));
}
