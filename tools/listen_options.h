// listen_options - the command line of tcplisten
#pragma once

#include <string_view>
#include <vector>

#include "lib/core/result.h"
#include "lib/net/ip.h"

namespace postern {

struct ListenOptions {
  std::size_t most = 200;                 // -c: connections at once
  std::size_t most_per_client = 50;       // -C: of one client
  std::string_view banner;                // -b: what a client over its limit is told
  std::vector<int> descriptors{0};        // listening sockets: -f, and 0 unless there is a -l
  std::vector<Endpoint> endpoints;        // -l
  std::vector<std::string_view> command;  // never empty; the first word has a slash

  static Result<ListenOptions> parse(const std::vector<std::string_view>& arguments);
};

}  // namespace postern
