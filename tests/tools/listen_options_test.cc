#include "tools/listen_options.h"

#include <catch2/catch.hpp>

using namespace postern;

using Words = std::vector<std::string_view>;

TEST_CASE("without options, descriptor 0 listens") {
  auto const options = ListenOptions::parse({"bin/smtpd", "-c", "x"});
  REQUIRE(options);
  CHECK(options->descriptors == std::vector<int>{0});
  CHECK(options->endpoints.empty());
  CHECK(options->banner.empty());
  CHECK(options->most >= options->most_per_client);
  CHECK(options->command == Words{"bin/smtpd", "-c", "x"});
}

TEST_CASE("further descriptors join it, and -l takes its place") {
  auto const both = ListenOptions::parse({"-f", "4", "-f", "5", "./x"});
  REQUIRE(both);
  CHECK(both->descriptors == std::vector<int>{0, 4, 5});
  auto const bound = ListenOptions::parse({"-l", "127.0.0.1", "25", "-f", "4", "-l", "::1", "2525", "/x"});
  REQUIRE(bound);
  CHECK(bound->descriptors == std::vector<int>{4});
  REQUIRE(bound->endpoints.size() == 2);
  CHECK(bound->endpoints[1].port == 2525);
  CHECK(bound->endpoints[1].address.text() == "::1");
}

TEST_CASE("limits and banner") {
  auto const options = ListenOptions::parse({"-c", "7", "-C", "3", "-b", "421 busy", "/x"});
  REQUIRE(options);
  CHECK(options->most == 7);
  CHECK(options->most_per_client == 3);
  CHECK(options->banner == "421 busy");
}

TEST_CASE("a wrong command line is wrong for good") {
  std::string const long_banner(500, 'x');
  Words const lines[] = {{},
                         {"smtpd"},
                         {"-c", "5"},
                         {"-c"},
                         {"-c", "0", "/x"},
                         {"-c", "x", "/x"},
                         {"-c", "100001", "/x"},
                         {"-C", "0", "/x"},
                         {"-f", "2", "/x"},
                         {"-f", "-1", "/x"},
                         {"-l", "127.0.0.1"},
                         {"-l", "127.0.0.1", "65536", "/x"},
                         {"-l", "here", "25", "/x"},
                         {"-z", "1", "/x"},
                         {"-b", long_banner, "/x"},
                         {"--", "/x"}};
  for (const Words& line : lines) {
    auto const options = ListenOptions::parse(line);
    INFO(line.size() << " " << (line.empty() ? "" : line[0]));
    REQUIRE_FALSE(options);
    CHECK(options.error().is_permanent());
  }
}
