// dnsq - ask DNS from a shell, the way Postern's programs ask it
//
// usage    dnsq [--json] [--dir DIR] a|aaaa|mx|txt|ptr|tlsa|cname NAME; ptr takes an address, too
// run by   anyone
// fds      1 > the answer   2 > errors
// files    connects to run/dnsqd/s below Postern's directory          starts  nothing
// exits    0 found   1 no such name, or nothing of that type   100 wrong words   111 no answer, or a bogus one
// see      dnsq(1)
#include <unistd.h>

#include "dnsq/answer_text.h"
#include "lib/net/dns_client.h"
#include "lib/os/io.h"
#include "lib/os/program.h"

namespace postern {
namespace {

constexpr auto patience = Milliseconds{45s};  // dnsqd itself gives up after 40
constexpr int nothing_found = 1, no_answer = 111;

struct Request {
  std::string directory;
  bool is_json = false;
  DnsQuestion question;
};

Result<Request> read_request(const Args& args) {
  std::string directory{args.variable("POSTERN_DIR").value_or("/var/postern")};
  bool is_json = false;
  std::vector<std::string_view> words;
  for (std::size_t i = 0; i < args.arguments.size(); ++i) {
    if (args.arguments[i] == "--json")
      is_json = true;
    else if (args.arguments[i] == "--dir" && i + 1 < args.arguments.size())
      directory = args.arguments[++i];
    else
      words.push_back(args.arguments[i]);
  }
  if (words.size() != 2) return permanent("usage: dnsq [--json] [--dir DIR] a|aaaa|mx|txt|ptr|tlsa|cname NAME");
  auto const type = dns_type_of(words[0]);
  if (!type) return permanent("neither a, aaaa, mx, txt, ptr, tlsa nor cname:", words[0]);
  auto const address = IpAddress::parse(Wire{words[1]});
  std::string const name = *type == DnsType::ptr && address ? reverse_name(*address) : std::string{words[1]};
  return Request{std::move(directory), is_json, TRY(DnsQuestion::make(0, *type, name))};
}

int code_of(DnsStatus status) {
  switch (status) {
    case DnsStatus::found:
      return 0;
    case DnsStatus::no_name:
    case DnsStatus::no_data:
      return nothing_found;
    case DnsStatus::failed:
    case DnsStatus::bogus:
      break;
  }
  return no_answer;
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  Request const request = TRY(read_request(args));
  if (chdir(request.directory.c_str()) != 0)
    return Error{Fate::permanent, "cannot enter Postern's directory (--dir or POSTERN_DIR names it):", request.directory, errno};
  TRY(confine());
  auto client = DnsClient::connect();
  if (!client) return Error{client.error().fate(), "is dnsqd running in this directory?", client.error().text(), 0};
  const DnsQuestion& question = request.question;
  DnsAnswer const answer = TRY(client->ask(question.type, question.name, Deadline::in(patience)));
  TRY(write_all(1, request.is_json ? json_of_answer(question, answer) : text_of_answer(question, answer)));
  exit_program(code_of(answer.status));
}
