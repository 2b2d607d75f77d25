#include "remote/outgoing_body.h"

#include <catch2/catch.hpp>
#include <random>

#include "lib/core/ascii.h"
#include "lib/core/crc32c.h"
#include "tests/remote/outgoing.h"
#include "tests/remote/receivers.h"

using namespace postern;

namespace {

std::string with_last_line_end(std::string text) {
  if (!text.empty() && text.back() != '\n') text += '\n';
  return text;
}

std::string decoded(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      plain += text[i];
    } else if (text[i + 1] == '\n') {
      ++i;
    } else {
      plain += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    }
  }
  return plain;
}

// The body that a reader of `text` sees.
std::string body_of(std::string_view text) {
  MessageTraits const traits = MessageTraits::of(text);
  std::string_view const body = text.substr(traits.body_start);
  bool const is_encoded =
      text.substr(0, traits.header_length).find("Content-Transfer-Encoding: quoted-printable\n") != std::string_view::npos;
  return is_encoded ? decoded(body) : std::string{body};
}

// One message, for every receiver; and its body is the stored one.
void require_sound(const std::string& stored, EightBit eight_bit) {
  auto const sent = outgoing(stored, eight_bit);
  REQUIRE(sent);
  Seen const strict = receive_strictly(sent->wire);
  bool is_one = sent->length == sent->counted.size();
  for (Receiver const receiver : receivers) {
    Seen const seen = receiver(sent->wire);
    is_one = is_one && seen.end == sent->wire.size() && seen.text == strict.text;
  }
  std::string const stored_body = with_last_line_end(stored.substr(MessageTraits::of(stored).body_start));
  if (is_one && body_of(strict.text) == stored_body && (eight_bit == EightBit::fine || is_all_ascii(sent->wire))) return;
  INFO("stored " << Catch::Detail::stringify(stored) << " sent " << Catch::Detail::stringify(sent->wire));
  FAIL("not one message, or not the stored one");
}

template <class Act>
void for_each_word(std::string_view letters, std::size_t longest, Act act) {
  std::string word;
  auto const extend = [&](auto&& self) -> void {
    act(word);
    if (word.size() == longest) return;
    for (char const c : letters) {
      word += c;
      self(self);
      word.pop_back();
    }
  };
  extend(extend);
}

}  // namespace

TEST_CASE("every word over CR, LF and dot leaves as one message, whatever a receiver takes for a line end") {
  int words = 0;
  for_each_word("\r\n.", 8, [&words](const std::string& word) {
    ++words;
    require_sound("Subject: x\n\n" + word, EightBit::fine);
    require_sound(word, EightBit::fine);
  });
  CHECK(words == 9841);
}

TEST_CASE("random bytes leave as one message, to hosts with and without 8BITMIME") {
  std::mt19937 random{20261122};
  constexpr std::string_view letters{"\r\n.\n.\n\0a \xe4-=:\t", 15};
  for (int i = 0; i < 3'000; ++i) {
    std::string body(random() % 64, ' ');
    for (char& c : body) c = random() % 4 == 0 ? static_cast<char>(random()) : letters[random() % letters.size()];
    require_sound("Subject: x\n\n" + body, EightBit::fine);
    require_sound("Subject: x\n\n" + body, EightBit::unfit);
  }
}

TEST_CASE("lines of every length leave whole, in lines that a receiver's buffer holds") {
  for (std::size_t const length : {0u, 1u, 75u, 76u, 77u, 997u, 998u, 999u, 1000u, 2048u, 65'536u})
    for (char const first : {'x', '.', ' '}) {
      std::string const line = first + std::string(length, 'x');
      require_sound("Subject: x\n\n" + line, EightBit::fine);
      require_sound("Subject: x\n\n" + line + "\n" + line + "\n.\n", EightBit::fine);
    }
}

TEST_CASE("pieces may be cut anywhere") {
  for_each_word("\n.x", 6, [](const std::string& word) {
    for (std::size_t cut = 0; cut <= word.size(); ++cut) {
      Fd const file{memfd_create("wire", MFD_CLOEXEC)};
      WireWriter writer{file.number(), WireWriter::Framing::dots, {}, 1min, Deadline::never()};
      REQUIRE(writer.add(std::string_view{word}.substr(0, cut)));
      REQUIRE(writer.add(std::string_view{word}.substr(cut)));
      REQUIRE(writer.finish());
      lseek(file.number(), 0, SEEK_SET);
      std::string const wire = *read_all(file.number(), 1000);
      if (receive_strictly(wire).text != with_last_line_end(word)) FAIL(word << " cut at " << cut);
    }
  });
}

TEST_CASE("a long message leaves in blocks, and its end only at the end") {
  std::string const message = "Subject: x\n\n" + [] {
    std::string lines;
    for (int i = 0; i < 40'000; ++i) lines += ".line " + std::to_string(i) + "\n";
    return lines;
  }();
  auto const body = OutgoingBody::make("X-In-Front: y\n", message, MessageTraits::of(message), EightBit::unfit);
  REQUIRE(body);
  Fd const file{memfd_create("wire", MFD_CLOEXEC)};
  WireWriter writer{file.number(), WireWriter::Framing::counted, {}, 1min, Deadline::never()};
  auto const crc = body->write(writer);
  REQUIRE(crc);
  CHECK(*crc == crc32c(0, message));
  CHECK(static_cast<std::uint64_t>(lseek(file.number(), 0, SEEK_END)) < body->wire_length());
  REQUIRE(writer.finish());
  CHECK(static_cast<std::uint64_t>(lseek(file.number(), 0, SEEK_END)) == body->wire_length());
}

TEST_CASE("header lines stand in front, and a first line that begins with a blank does not go on with the last of them") {
  struct {
    std::string_view stored, sent;
  } const cases[] = {
      {"Subject: x\n\ny\n", "Received: z\nSubject: x\n\ny\n"},
      {"", "Received: z\n"},
      {"\nbody", "Received: z\n\nbody\n"},
      {" no field\n", "Received: z\n\n no field\n"},
      {"no field\n", "Received: z\nno field\n"},
      {" no\rfield", "Received: z\nMIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n\n no=0Dfield\n"},
  };
  for (auto const& [stored, sent] : cases) {
    auto const out = outgoing(stored, EightBit::fine, "Received: z\n");
    REQUIRE(out);
    CHECK(receive_strictly(out->wire).text == sent);
    CHECK(out->length == out->counted.size());
  }
  auto const masked = outgoing("Subject: x\n\ny\n", EightBit::unfit, "Received: from \xc3\xa4\n");
  REQUIRE(masked);
  CHECK(receive_strictly(masked->wire).text == "Received: from ??\nSubject: x\n\ny\n");
}

TEST_CASE("what cannot be sent is refused with its reason") {
  std::string const long_word(999, 'w');
  struct {
    std::string stored;
    EightBit eight_bit;
    std::string_view status;
  } const cases[] = {
      {"Subject: \xe4\n\n", EightBit::unfit, "5.6.3 "},
      {"Subject: a\rb\n\n", EightBit::fine, "5.6.0 "},
      {"Subject: a\r\n\n", EightBit::fine, "5.6.0 "},
      {std::string{"Subject: a\0\n\n", 13}, EightBit::fine, "5.6.0 "},
      {"Subject: " + long_word + "\n\n", EightBit::fine, "5.6.0 "},
      {"Content-Type: multipart/signed; boundary=b\n\n--b\n\n\xe4\n--b--\n", EightBit::unfit, "5.6.3 "},
      {"Content-Type: multipart/signed; boundary=b\n\n--b\n\n" + long_word + "\n--b--\n", EightBit::fine, "5.6.3 "},
      {"Content-Type: multipart/mixed\n\n\xe4\n", EightBit::unfit, "5.6.3 "},
      {"Content-Type: message/partial\n\n\xe4\n", EightBit::unfit, "5.6.3 "},
      {"Content-Transfer-Encoding: base64\n\n\xe4\n", EightBit::unfit, "5.6.3 "},
      {"Content-Transfer-Encoding: x-uuencode\n\n\xe4\n", EightBit::unfit, "5.6.3 "},
      {"Content-Type: text/plain" + std::string(70'000, ';') + "\n\n\xe4\n", EightBit::unfit, "5.6."},
      {"Content-Type: text/plain\nContent-Type: text/html\n\n\xe4\n", EightBit::unfit, "5.6.3 "},
      {"Content-Transfer-Encoding: 8bit\nContent-Transfer-Encoding: 7bit\n\n\xe4\n", EightBit::unfit, "5.6.3 "},
  };
  for (auto const& [stored, eight_bit, status] : cases) {
    std::string why;
    CHECK_FALSE(outgoing(stored, eight_bit, {}, &why));
    CHECK(why.starts_with(status));
  }
}
