// Tests of lib/mail/queue_file: a whole file is read, and any damage of the frame or the envelope is noticed.
#include "lib/mail/queue_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "lib/core/crc32c.h"
#include "lib/os/fd.h"
#include "lib/os/io.h"

using namespace postern;

namespace {

Fd file_of(std::string_view bytes) {
  Fd file{memfd_create("queue-file", MFD_CLOEXEC)};
  REQUIRE(file.is_open());
  REQUIRE(write_all(file.number(), bytes));
  return file;
}

Frame frame_of(std::string_view message, std::string_view envelope) {
  Frame frame;
  frame.message_length = message.size();
  frame.envelope_length = static_cast<std::uint32_t>(envelope.size());
  frame.message_crc = crc32c(0, message);
  frame.envelope_crc = crc32c(0, envelope);
  return frame;
}

}  // namespace

TEST_CASE("a frame comes back as it was") {
  for (std::uint64_t const length : {std::uint64_t{0}, std::uint64_t{1}, (std::uint64_t{1} << 48) - 1}) {
    Frame frame;
    frame.generation = 0xffffffffu;
    frame.message_length = length;
    frame.envelope_length = longest_envelope;
    frame.message_crc = 0xdeadbeefu;
    frame.envelope_crc = 1;
    std::string const text = frame.encoded();
    CHECK(text.size() == Frame::size);
    CHECK(text.back() == '\n');
    auto const parsed = Frame::parse(Wire{text});
    REQUIRE(parsed);
    CHECK(*parsed == frame);
    CHECK(parsed->file_length() == Frame::size + length + longest_envelope);
  }
}

TEST_CASE("a frame with any one byte changed, cut or added is refused") {
  std::string const text = frame_of("message\n", "s0:,r3:b@y,").encoded();
  for (std::size_t at = 0; at < text.size(); ++at)
    for (int number = 0; number < 256; ++number) {
      std::string changed = text;
      changed[at] = static_cast<char>(number);
      REQUIRE(Frame::parse(Wire{changed}).has_value() == (changed == text));
    }
  for (std::size_t length = 0; length < text.size(); ++length)
    CHECK_FALSE(Frame::parse(Wire{std::string_view{text}.substr(0, length)}));
  std::string const longer = text + "0";
  CHECK_FALSE(Frame::parse(Wire{longer}));
  Frame frame;
  frame.envelope_length = longest_envelope + 1;
  std::string const too_long = frame.encoded();
  CHECK_FALSE(Frame::parse(Wire{too_long}));
}

TEST_CASE("a queue file is read when it is whole") {
  std::string const message = "A: b\n\nbody\n", envelope = "s0:,r3:b@y,";
  std::string const whole = frame_of(message, envelope).encoded() + message + envelope;
  Fd const file = file_of(whole);
  auto const read = read_queue_file(file.number());
  REQUIRE(read);
  CHECK(read->envelope_text == envelope);
  CHECK(read->frame == frame_of(message, envelope));

  Fd const empty_message = file_of(frame_of("", envelope).encoded() + envelope);
  CHECK(read_queue_file(empty_message.number()));
}

TEST_CASE("a damaged queue file is broken for good") {
  std::string const message = "A: b\n\nbody\n", envelope = "s0:,r3:b@y,";
  std::string const frame = frame_of(message, envelope).encoded();
  std::string changed = envelope;
  changed[1] ^= 1;
  std::string const cases[] = {
      "",
      frame,
      frame.substr(0, 40),
      std::string(Frame::size, '\0') + message + envelope,  // the frame never came
      frame + message,
      frame + message + envelope.substr(1),
      frame + message + envelope + "x",
      frame + message + changed,
  };
  for (const std::string& bytes : cases) {
    Fd const file = file_of(bytes);
    auto const read = read_queue_file(file.number());
    REQUIRE_FALSE(read);
    CHECK(read.error().is_permanent());
  }
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  Fd const reading{ends[0]}, writing{ends[1]};
  CHECK_FALSE(read_queue_file(reading.number()));  // and does not wait
}
