// dns_resolver - libunbound: answers from its cache, or asks the servers that the settings name, and validates with DNSSEC
//
// No threads: everything happens in the loop's actions. prepare() reads what lies in files and lets libunbound set itself
// up, without sending anything; after it no file is opened any more.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "dnsq/dns_settings.h"
#include "dnsq/hosts_file.h"
#include "dnsq/unbound_events.h"
#include "lib/net/dns_protocol.h"

struct ub_ctx;

namespace postern {

class Resolver {
 public:
  using Deliver = void (*)(void* context, std::uint64_t id, const DnsAnswer& answer);

  // Answers go to `deliver`, perhaps before ask() returns. It lives as long as the process.
  Resolver(EventLoop& loop, Deliver deliver, void* context) : events_(loop), deliver_(deliver), context_(context) {}
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  Status prepare(const DnsSettings& wanted, const std::vector<HostsLine>& hosts);
  void ask(std::uint64_t id, const DnsQuestion& question);
  // Questions that libunbound works on, also those whose askers have left.
  std::size_t under_way() const { return asked_.size(); }

 private:
  struct Asked {
    Resolver* resolver;
    std::uint64_t id;
    DnsQuestion question;
  };
  static void take(void* asked, int code, void* packet, int length, int security, char* why, int is_limited);

  UnboundEvents events_;
  Deliver deliver_;
  void* context_;
  ub_ctx* library_ = nullptr;
  std::unordered_map<std::uint64_t, Asked> asked_;
};

}  // namespace postern
