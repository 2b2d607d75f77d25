// Tests of lib/mail/address_list: RFC 5322 appendix A, what people write instead, completion, refusals, and time.
#include "lib/mail/address_list.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {

Completion completion() { return *Completion::make("host", "dom.example", "plus.example"); }

// "name=address" each, with "|" between.
std::string summary(const AddressList& list) {
  std::string text;
  for (const ListedAddress& entry : list.addresses()) {
    if (!text.empty()) text += '|';
    if (!entry.name.empty()) text += entry.name + "=";
    text += entry.address.is_null_sender() ? "<>" : entry.address.text();
  }
  return text;
}

}  // namespace

TEST_CASE("the address fields of RFC 5322 appendix A") {
  struct {
    std::string_view body;
    std::string_view parsed;
  } const cases[] = {
      {" John Doe <jdoe@machine.example>\n", "John Doe=jdoe@machine.example"},
      {" \"Joe Q. Public\" <john.q.public@example.com>\n", "Joe Q. Public=john.q.public@example.com"},
      {" Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>\n",
       "Mary Smith=mary@x.test|jdoe@example.org|Who?=one@y.test"},
      {" <boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>\n",
       "boss@nil.test|Giant; \"Big\" Box=sysservices@example.net"},
      {" A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;\n",
       "Ed Jones=c@a.test|joe@where.test|John=jdoe@one.test"},
      {" Undisclosed recipients:;\n", ""},
      {" \"Mary Smith: Personal Account\" <smith@home.example>\n", "Mary Smith: Personal Account=smith@home.example"},
      {" Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>\n", "Pete=pete@silly.test"},
      {"A Group(Some people)\n     :Chris Jones <c@(Chris's host.)public.example>,\n         joe@example.org,\n"
       "  John <jdoe@one.test> (my dear friend); (the end of the group)\n",
       "Chris Jones=c@public.example|joe@example.org|John=jdoe@one.test"},
      {"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;\n", ""},
      {" Joe Q. Public <john.q.public@example.com>\n", "Joe Q. Public=john.q.public@example.com"},  // A.6.1
      {" Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example\n", "Mary Smith=mary@example.net|jdoe@test.example"},
      {" John Doe <jdoe@machine(comment).  example>\n", "John Doe=jdoe@machine.example"},  // A.6.3
      {" Mary Smith\n  \n          <mary@example.net>\n", "Mary Smith=mary@example.net"},
  };
  for (auto const& [body, parsed] : cases) {
    INFO(body);
    auto const list = AddressList::parse(Wire{body}, completion());
    REQUIRE(list);
    CHECK(summary(*list) == parsed);
    CHECK(list->text() == body);  // nothing was missing, so nothing was touched
  }
}

TEST_CASE("what is missing is put in, and nothing else is touched") {
  struct {
    std::string_view body;
    std::string_view text;
    std::string_view parsed;
  } const cases[] = {
      {"fred", "fred@host.dom.example", "fred@host.dom.example"},
      {" fred\n", " fred@host.dom.example\n", "fred@host.dom.example"},
      {"fred@work", "fred@work.dom.example", "fred@work.dom.example"},
      {"fred@work+", "fred@work.plus.example", "fred@work.plus.example"},
      {"fred@a.b+", "fred@a.b.plus.example", "fred@a.b.plus.example"},
      {"fred@[127.0.0.1]", "fred@[127.0.0.1]", "fred@[127.0.0.1]"},
      {"fred@[ 127.0.0.1 ]", "fred@[ 127.0.0.1 ]", "fred@[127.0.0.1]"},
      {"fred (at home), barney@x.y", "fred@host.dom.example (at home), barney@x.y", "fred@host.dom.example|barney@x.y"},
      {"Fred <fred>", "Fred <fred@host.dom.example>", "Fred=fred@host.dom.example"},
      {"Fred <fred(c)@(d)work(e)>(f)", "Fred <fred(c)@(d)work.dom.example(e)>(f)", "Fred=fred@work.dom.example"},
      {"fred barney", "fred@host.dom.example, barney@host.dom.example", "fred@host.dom.example|barney@host.dom.example"},
      {"fred@a.b barney@c.d  wilma", "fred@a.b, barney@c.d,  wilma@host.dom.example",
       "fred@a.b|barney@c.d|wilma@host.dom.example"},
      {"Fred <f@a.b> Barney <b@c.d>", "Fred <f@a.b>, Barney <b@c.d>", "Fred=f@a.b|Barney=b@c.d"},
      {"<f@a.b><b@c.d>", "<f@a.b>,<b@c.d>", "f@a.b|b@c.d"},
      {"G:a@b.c; H:d@e.f;", "G:a@b.c;, H:d@e.f;", "a@b.c|d@e.f"},
      {"G: fred", "G: fred@host.dom.example", "fred@host.dom.example"},  // a group that nobody closed
      {"\"fred flintstone\"", "\"fred flintstone\"@host.dom.example", "\"fred flintstone\"@host.dom.example"},
      {"fred.flintstone", "fred.flintstone@host.dom.example", "fred.flintstone@host.dom.example"},
      {"", "", ""},
      {" , ,,\n", " , ,,\n", ""},
      {"<>", "<>", "<>"},
      {"a@b.c <d@e.f>", "a@b.c <d@e.f>", "a@b.c=d@e.f"},
      {"[list] Fred <f@a.b>", "[list] Fred <f@a.b>", "[list] Fred=f@a.b"},
      {"b\xc3\xbc@b\xc3\xbc.example", "b\xc3\xbc@b\xc3\xbc.example", "b\xc3\xbc@b\xc3\xbc.example"},
      {"J\xc3\xb6rg <j>", "J\xc3\xb6rg <j@host.dom.example>", "J\xc3\xb6rg=j@host.dom.example"},
  };
  for (auto const& [body, text, parsed] : cases) {
    INFO(body);
    auto const list = AddressList::parse(Wire{body}, completion());
    REQUIRE(list);
    CHECK(summary(*list) == parsed);
    CHECK(list->text() == text);
    auto const again = AddressList::parse(Wire{list->text()}, completion());
    REQUIRE(again);
    CHECK(again->text() == list->text());  // what is complete stays
    CHECK(summary(*again) == summary(*list));
  }
}

TEST_CASE("what cannot be understood is refused") {
  std::string const cases[] = {
      "@",
      "a@",
      "@b",
      "a@b@c",
      "a@.b",
      "a@b.",
      ".a@b",
      "a.@b",
      "a..b@c.d",
      "<a@b.c",
      "a@b.c>",
      "<<a@b.c>>",
      "<a b@c.d>",
      "<a@b.c,d>",
      "<@a.b>",
      "<@a:>x",
      "(a",
      "a (b",
      "a)",
      "\"a",
      "\"a\\\"",
      "[a",
      "a@[b",
      "a@[b[c]]",
      "a@b.c;",
      ":",
      ":;",
      "A: B: c;",
      "<a@b.c>:d;",
      "a\\b@c.d",
      "a\rb",
      "a]",
      std::string("a\0b", 3),
      "a@b.c\x7f",
      "a@-b.c",
      "\xff@b.c",
      "a@\xff.c",
      std::string(65, 'a') + "@b.c",
      "a@" + std::string(64, 'b') + ".c",
      "\"a\nb\\\nc\"@d.e",
  };
  for (const std::string& body : cases) {
    INFO(body);
    auto const list = AddressList::parse(Wire{body}, completion());
    REQUIRE_FALSE(list);
    CHECK(list.error().is_permanent());
  }
}

TEST_CASE("wrong defaults are noticed before they are used") {
  CHECK(Completion::make("host", "dom.example", "plus.example"));
  CHECK(Completion::make("host.full", "d", "p"));
  CHECK(Completion::make("host+", "d", "p.q")->host_of("") == "host.p.q");
  CHECK_FALSE(Completion::make("", "d", "p"));
  CHECK_FALSE(Completion::make("host", "", "p"));
  CHECK_FALSE(Completion::make("host", "d", ""));
  CHECK_FALSE(Completion::make("host", "d\nBcc: x", "p"));
  CHECK_FALSE(Completion::make("ho st", "d", "p"));
}

TEST_CASE("hostile fields take linear time and bounded room") {
  std::string const deep = std::string(1'000'000, '(') + std::string(1'000'000, ')') + " a@b.c";
  CHECK(AddressList::parse(Wire{deep}, completion())->addresses().size() == 1);
  std::string commas(2'000'000, ','), words, angles, many;
  CHECK(AddressList::parse(Wire{commas}, completion())->addresses().empty());
  for (int i = 0; i < 500'000; ++i) words += "a ";
  CHECK_FALSE(AddressList::parse(Wire{words}, completion()));
  angles = "<" + words + ">";
  CHECK_FALSE(AddressList::parse(Wire{angles}, completion()));
  for (int i = 0; i < 50'000; ++i) many += "a,";
  CHECK(AddressList::parse(Wire{many}, completion())->addresses().size() == AddressList::most_addresses);
  many += "a";
  CHECK_FALSE(AddressList::parse(Wire{many}, completion()));
}
