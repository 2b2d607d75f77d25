// Tests of lib/os/control and account: every file that is wrong is an error that names it, never a silent default.
#include "lib/os/control.h"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "lib/os/account.h"
#include "tests/scratch.h"

using namespace postern;

namespace {

struct Place {
  Scratch scratch;
  Place() { scratch.make_directory("control"), scratch.enter(); }
  void set(const std::string& name, std::string_view text) const { scratch.write("control/" + name, text); }
};

}  // namespace

TEST_CASE("a number is within its bounds, or its default when there is no file") {
  Place const place;
  auto const control = *Control::open();
  CHECK(*control.number<"queuemin">() == 5);
  struct {
    std::string_view text;
    bool good;
    std::uint64_t number;
  } const cases[] = {
      {"7\n", true, 7},       {"7", true, 7},      {"  7 \r\n", true, 7},
      {"7\nrest\n", true, 7}, {"0\n", true, 0},    {"90\n", true, 90},
      {"91\n", false, 0},     {"-1\n", false, 0},  {"seven\n", false, 0},
      {"7 8\n", false, 0},    {"\n", false, 0},    {"", false, 0},
      {"7k\n", false, 0},     {"0x7\n", false, 0}, {"99999999999999999999999\n", false, 0},
  };
  for (auto const& [text, good, number] : cases) {
    INFO(text);
    place.set("queuemin", text);
    auto const got = control.number<"queuemin">();
    REQUIRE(got.has_value() == good);
    if (got) CHECK(*got == number);
    if (!got) CHECK(got.error().is_permanent());
    if (!got) CHECK(got.error().text().find("control/queuemin") != std::string::npos);
  }
  place.set("queuemin", "91");
  CHECK(control.number<"queuemin">().error().text() == "not a number within its bounds (doc/settings.md): control/queuemin");
  place.set("queuemin", "");
  CHECK(control.number<"queuemin">().error().text() == "empty; put a value there or remove it: control/queuemin");
  place.set("maxrecipients", "99");
  CHECK_FALSE(control.number<"maxrecipients">());
}

TEST_CASE("every number of the table has its default within its bounds") {
  for (const Setting& setting : settings) {
    INFO(setting.name);
    if (setting.kind == Kind::number) {
      CHECK(setting.value >= setting.least);
      CHECK(setting.value <= setting.most);
      CHECK(setting.missing == std::to_string(setting.value));
    }
    CHECK_FALSE(setting.readers.empty());
    CHECK_FALSE(setting.counts.empty());
    CHECK_FALSE(setting.meaning.empty());
    CHECK_FALSE(setting.missing.empty());
  }
}

TEST_CASE("a line is the first one, without blanks around it and control characters in it") {
  Place const place;
  auto const control = *Control::open();
  CHECK_FALSE(control.line<"idhost">()->has_value());
  place.set("idhost", "  mail.example \nsecond\n");
  CHECK(**control.line<"idhost">() == "mail.example");
  place.set("idhost", "\nsecond\n");
  CHECK(control.line<"idhost">().error().text() == "empty; put a value there or remove it: control/idhost");
  for (std::string_view const text :
       {std::string_view{"a\0b\n", 4}, std::string_view{"a\x1b[2J\n"}, std::string_view{"a\tb\n"}}) {
    place.set("idhost", text);
    CHECK(control.line<"idhost">().error().text() == "control character in control/idhost");
  }
}

TEST_CASE("a list has its values in order, without comments and empty lines") {
  Place const place;
  auto const control = *Control::open();
  CHECK_FALSE(control.list<"locals">()->has_value());
  place.set("locals", "");
  CHECK((*control.list<"locals">())->empty());
  place.set("locals", "# ours\n\n a.example \r\nb.example\n#c.example\n\td.example");
  CHECK(**control.list<"locals">() == std::vector<std::string>{"a.example", "b.example", "d.example"});
}

TEST_CASE("control/me must be there") {
  Place const place;
  auto const control = *Control::open();
  CHECK(control.me().error().text() == "control/me: missing; put this host's name there");
  CHECK(control.me().error().is_permanent());
  place.set("me", "here.example\n");
  CHECK(*control.me() == "here.example");
}

TEST_CASE("files that cannot be read are named with the reason, and it may pass") {
  Place const place;
  auto const control = *Control::open();
  REQUIRE(symlink("/etc/hostname", "control/idhost") == 0);
  CHECK(control.line<"idhost">().error().text() == "open control/idhost: Too many levels of symbolic links");
  place.scratch.make_directory("control/me");
  CHECK(control.me().error().text() == "read control/me: Is a directory");
  CHECK_FALSE(control.me().error().is_permanent());
  place.set("locals", std::string((4u << 20) + 1, 'x'));
  CHECK(control.list<"locals">().error().text() == "read control/locals");
  CHECK(Control::open("nowhere").error().text() == "open directory nowhere: No such file or directory");
}

TEST_CASE("user and group ids are never root's") {
  struct {
    std::string_view text;
    bool good;
  } const cases[] = {{"1", true},   {"65534", true},       {"4294967294", true},  {"0", false},
                     {"00", false}, {"4294967295", false}, {"4294967296", false}, {"-1", false},
                     {"", false},   {"root", false},       {"1 ", false},         {"1.5", false}};
  for (auto const& [text, good] : cases) {
    INFO(text);
    CHECK(Uid::parse(Wire{text}).has_value() == good);
    CHECK(Gid::parse(Wire{text}).has_value() == good);
  }
  CHECK_FALSE(Uid::from(0));
  CHECK_FALSE(Gid::from(0));
  CHECK(Uid::from(7)->number() == 7);
}

TEST_CASE("accounts are read by name, and all of them must be there") {
  std::string whole;
  unsigned number = 990;
  for (std::size_t i = 0; i < account_count; ++i, ++number)
    whole += std::string{account_names[i]} + " " + std::to_string(number) + " " + std::to_string(number) + "\n";
  auto const accounts = Accounts::parse(Wire{whole});
  REQUIRE(accounts);
  CHECK(accounts->uid_of(Account::smtp) == 990);
  CHECK(accounts->uid_of(Account::shadow) == 990 + account_count - 1);
  CHECK(accounts->account_of(990) == Account::smtp);
  CHECK_FALSE(accounts->account_of(0));
  CHECK_FALSE(accounts->account_of(65534));

  std::string const further = "# a comment\n\nother 5 5\n" + whole + "  pn-unknown 7 7  \n";
  CHECK(Accounts::parse(Wire{further}));
  for (std::size_t i = 0; i < account_count; ++i) {
    std::string less = whole;
    std::size_t const start = less.find(account_names[i]);
    less.erase(start, less.find('\n', start) + 1 - start);
    auto const parsed = Accounts::parse(Wire{less});
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().text() == "control/accounts: a user is missing; run setup-accounts: " + std::string{account_names[i]});
  }
  for (std::string_view const wrong : {"pn-smtp\n", "pn-smtp x\n", "pn-smtp 0 0\n", "pn-smtp -5\n", "pn-smtp 4294967295\n"}) {
    std::string const text = whole + std::string{wrong};
    CHECK_FALSE(Accounts::parse(Wire{text}));
  }
  Place const place;
  auto const directory = *Directory::open("control");
  CHECK(is_missing(Accounts::read(directory).error()));
  place.set("accounts", whole);
  CHECK(Accounts::read(directory)->uid_of(Account::smtp) == 990);
}
