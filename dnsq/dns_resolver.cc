#include "dnsq/dns_resolver.h"

#include <arpa/nameser.h>
#include <sys/mman.h>
#include <unbound.h>
#include <unistd.h>

#include "dnsq/packet_answer.h"
#include "dnsq/unbound_config.h"
#include "lib/core/number.h"
#include "lib/os/io.h"

namespace postern {
namespace {

constexpr int bogus = 1, secure = 2;  // what libunbound says of an answer

// libunbound reads its settings from a file: one that has no name.
Status configure(ub_ctx* library, const std::string& text) {
  Fd const file{memfd_create("unbound.conf", MFD_CLOEXEC)};
  if (!file.is_open()) return system_error("memfd_create");
  TRY(write_all(file.number(), text));
  std::string const path = "/proc/self/fd/" + decimal(static_cast<std::uint64_t>(file.number()));
  if (ub_ctx_config(library, path.c_str()) != 0) return permanent("libunbound does not take its settings");
  return Done{};
}

void count_answer(void* answers, int, void*, int, int, char*, int) { ++*static_cast<int*>(answers); }

// Has libunbound set itself up now; this name's answer is made by itself.
Status ask_first(ub_ctx* library) {
  int answers = 0;
  if (ub_resolve_event(library, "localhost.", ns_t_a, ns_c_in, &answers, count_answer, nullptr) != 0)
    return permanent("libunbound does not start; it says why on descriptor 2");
  if (answers != 1) return permanent("libunbound has no answer of its own for localhost");
  return Done{};
}

DnsAnswer failure(const char* why, std::string_view otherwise) {
  DnsAnswer answer;
  answer.why = why ? std::string_view{why} : otherwise;
  return answer;
}

}  // namespace

Status Resolver::prepare(const DnsSettings& wanted, const std::vector<HostsLine>& hosts) {
  if (wanted.anchor && access(wanted.anchor->c_str(), R_OK) != 0)
    return permanent("cannot read the trust anchor (package dns-root-data, or control/dnsanchor):", *wanted.anchor);
  library_ = ub_ctx_create_ub_event(events_.base());
  if (!library_) return temporary("libunbound: no memory");
  TRY(configure(library_, unbound_config(wanted, hosts)));
  TRY(ask_first(library_));
  ub_ctx_debugout(library_, nullptr);  // strangers' names would be in what it says from here on
  return Done{};
}

void Resolver::ask(std::uint64_t id, const DnsQuestion& question) {
  Asked& asked = asked_.insert_or_assign(id, Asked{this, id, question}).first->second;
  int const status =
      ub_resolve_event(library_, question.name.c_str(), static_cast<int>(question.type), ns_c_in, &asked, take, nullptr);
  if (status == 0) return;
  asked_.erase(id);
  deliver_(context_, id, failure(ub_strerror(status), {}));
}

void Resolver::take(void* asked_before, int code, void* packet, int length, int security, char* why, int) {
  Asked const asked = *static_cast<Asked*>(asked_before);
  asked.resolver->asked_.erase(asked.id);
  DnsAnswer answer;
  if (code != ns_r_noerror || !packet || length <= 0) {
    answer = failure(why, "no server gives an answer");
  } else if (security == bogus) {
    answer = failure(why, "DNSSEC says that the answer is forged, damaged or expired");
    answer.status = DnsStatus::bogus;
  } else {
    answer = answer_of_packet(asked.question, {static_cast<const unsigned char*>(packet), static_cast<std::size_t>(length)});
    answer.is_secure = security == secure && answer.status != DnsStatus::failed;
  }
  asked.resolver->deliver_(asked.resolver->context_, asked.id, answer);
}

}  // namespace postern
