// Maildir++'s maildirsize: its text, the file that an owner may tamper with, and counting what is there.
#include "lib/mail/maildir_sizes.h"

#include <catch2/catch.hpp>

#include "lib/mail/maildir_count.h"
#include "lib/mail/maildir_sizes_file.h"
#include "tests/scratch.h"

using namespace postern;

TEST_CASE("the text of maildirsize") {
  struct Case {
    std::string text;
    bool good;
    Quota limits = {};
    MailboxUse use = {};
  };
  Case const cases[] = {
      {"1000000S,1000C\n", true, {1000000, 1000}, {}},
      {"1000000S,1000C\n123456 7\n-2048 -1\n", true, {1000000, 1000}, {121408, 6}},
      {"1000000S\n5 1\n", true, {1000000, 0}, {5, 1}},
      {"1000C\n5 1\n", true, {0, 1000}, {5, 1}},
      {"1000C\n-5 -1\n5 1\n", true, {0, 1000}, {0, 0}},  // what was taken away first
      {"1000C\n5 1\n-6 -1\n", false},
      {"1000C\n5 1\n-5 -2\n", false},
      {"", false},
      {"\n", false},
      {"1000S", false},
      {"1000S\n5 1", false},  // half a line
      {"1000S\n5\n", false},
      {"1000S\n5 1 1\n", false},
      {"1000S\n 5 1\n", false},
      {"1000S\n5  1\n", false},
      {"1000S\n--5 1\n", false},
      {"1000S\n+5 1\n", false},
      {"1000S\n5 1\n\n", false},
      {"1000S\n1125899906842625 1\n", false},
      {"1000\n", false},
      {"1000C,1000S\n", false},
      {"1000S,\n", false},
      {"S,C\n", false},
      {"1000S,1000C,1X\n", false},
      {std::string{"1000S\n5 1\0\n", 11}, false},
      {"1000S\n" + std::string(20000, '\n'), false},
  };
  for (auto const& [text, good, limits, use] : cases) {
    INFO(text);
    auto const sizes = MaildirSizes::parse(Wire{text});
    CHECK(sizes.has_value() == good);
    if (!sizes) continue;
    CHECK(sizes->limits == limits);
    CHECK(sizes->use == use);
  }
  CHECK(MaildirSizes{{1000, 0}, {7, 1}}.encoded() == "1000S\n7 1\n");
  CHECK(MaildirSizes{{0, 9}, {7, 1}}.encoded() == "9C\n7 1\n");
  CHECK(MaildirSizes{{1000, 9}, {7, 1}}.encoded() == "1000S,9C\n7 1\n");
  CHECK(maildir_sizes_line(-5, -1) == "-5 -1\n");
}

namespace {

struct Box {
  Scratch scratch;
  Directory maildir = *Directory::open(scratch.path());
  Box() {
    for (const char* const name : {"tmp", "new", "cur"}) scratch.make_directory(name);
  }
  MailboxUse count() const { return *count_maildir(maildir); }
  std::string path() const { return scratch.path("maildirsize"); }
};

}  // namespace

TEST_CASE("what a mailbox holds is counted in new and cur of all folders, by names or by files") {
  Box const box;
  CHECK(box.count() == MailboxUse{});
  box.scratch.write("new/1.a.h,S=100,W=110", "x");  // its name's word counts
  box.scratch.write("cur/2.b.h:2,S", "12345");
  box.scratch.write("tmp/3.c.h", "not yet");
  box.scratch.write("maildirsize", "no message");
  box.scratch.make_directory(".Junk");
  for (const char* const name : {".Junk/new", ".Junk/cur", ".Junk/tmp", "Other", "Other/cur"}) box.scratch.make_directory(name);
  box.scratch.write(".Junk/cur/4.d.h,S=1000,W=1001:2,T", "");
  box.scratch.write("Other/cur/5.e", "no folder");
  CHECK(box.count() == MailboxUse{1105, 3});
  box.scratch.make_directory("new/6.directory");
  REQUIRE(mkfifo(box.scratch.path("new/7.fifo").c_str(), 0600) == 0);
  REQUIRE(symlink("/etc/passwd", box.scratch.path("new/8.link").c_str()) == 0);
  REQUIRE(symlink("/usr", box.scratch.path(".Usr").c_str()) == 0);
  REQUIRE(symlink(".Junk", box.scratch.path(".Twice").c_str()) == 0);
  box.scratch.write(".file", "");
  CHECK(box.count() == MailboxUse{1105, 3});
}

TEST_CASE("sizes that lie add up to a bound") {
  Box const box;
  for (char digit = '0'; digit <= '9'; ++digit)
    box.scratch.write(std::string{"cur/1."} + digit + ".h,S=1125899906842624,W=1", "");
  CHECK(box.count() == MailboxUse{largest_quota_bytes, 10});
  box.scratch.write("cur/2.h,S=99999999999999999999999999,W=1", "123");  // no size
  CHECK(box.count() == MailboxUse{largest_quota_bytes, 11});
}

TEST_CASE("maildirsize is made once, appended to, and each sees what stands before its own line") {
  Box const box;
  CHECK_FALSE(MaildirSizesFile::open(box.maildir));
  using Existing = MaildirSizesFile::Existing;
  REQUIRE(MaildirSizesFile::make(box.maildir, {{1000, 0}, {10, 1}}, Existing::kept));
  REQUIRE(MaildirSizesFile::make(box.maildir, {{2000, 0}, {20, 1}}, Existing::kept));
  auto first = MaildirSizesFile::open(box.maildir);
  auto second = MaildirSizesFile::open(box.maildir);
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->sizes().limits == Quota{1000, 0});
  REQUIRE(first->append_and_read(5, 1));
  REQUIRE(second->append(7, 1));
  CHECK(first->sizes().use == MailboxUse{15, 2});
  REQUIRE(second->append_and_read(8, 1));
  CHECK(second->sizes().use == MailboxUse{30, 4});
  CHECK(first->is_current(box.maildir));
  REQUIRE(MaildirSizesFile::make(box.maildir, {{2000, 0}, {20, 1}}, Existing::replaced));
  CHECK_FALSE(first->is_current(box.maildir));
  CHECK(MaildirSizesFile::open(box.maildir)->sizes().limits == Quota{2000, 0});
  CHECK(std::filesystem::is_empty(box.scratch.path("tmp")));
  CHECK_FALSE(first->is_old(wall_now()));
  CHECK_FALSE(first->is_old(wall_now() + 14min));
  CHECK(first->is_old(wall_now() + 16min));
  CHECK(first->is_old(wall_now() - 1min));
}

TEST_CASE("what an owner puts in place of maildirsize is as good as missing, and replaced") {
  Box const box;
  auto const replaced = [&box] {
    REQUIRE(MaildirSizesFile::make(box.maildir, {{1000, 0}, {10, 1}}, MaildirSizesFile::Existing::replaced));
    CHECK(MaildirSizesFile::open(box.maildir).has_value());
    REQUIRE(unlink(box.path().c_str()) == 0);
  };
  REQUIRE(mkfifo(box.path().c_str(), 0600) == 0);
  CHECK_FALSE(MaildirSizesFile::open(box.maildir));
  replaced();
  box.scratch.write("victim", "1000S\n5 1\n");
  REQUIRE(symlink("victim", box.path().c_str()) == 0);
  CHECK_FALSE(MaildirSizesFile::open(box.maildir));
  replaced();
  CHECK(access(box.scratch.path("victim").c_str(), F_OK) == 0);
  box.scratch.write("maildirsize", "");
  REQUIRE(truncate(box.path().c_str(), off_t{1} << 40) == 0);
  CHECK_FALSE(MaildirSizesFile::open(box.maildir));
  replaced();
  box.scratch.write("maildirsize", "1000S\n" + std::string(5115, '1'));
  CHECK_FALSE(MaildirSizesFile::open(box.maildir));
  replaced();
  box.scratch.make_directory("maildirsize");
  CHECK_FALSE(MaildirSizesFile::open(box.maildir));
  CHECK_FALSE(MaildirSizesFile::make(box.maildir, {{1000, 0}, {10, 1}}, MaildirSizesFile::Existing::replaced));
}
