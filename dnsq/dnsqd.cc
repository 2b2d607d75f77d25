// dnsqd - ask DNS, validate, remember: the only program that takes DNS messages apart
//
// run by   its s6 service, as pn-dns; asked by remote, dnsq, and any local user, who gets less
// fds      0 listening socket (questions and answers: lib/net/dns_protocol.h)   2 > log
// files    reads control/dnsforward, dnsstub, dnsanchor and the trust anchor they name, /etc/hosts if they say so
// starts   nothing
// exits    0 told to stop, or a setting changed   100 a setting is wrong   111 not now, try again
// see      dnsqd(8), doc/protocols.md
#include <signal.h>
#include <sys/stat.h>

#include <array>

#include "dnsq/dns_server.h"
#include "lib/os/confine.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/program.h"
#include "lib/os/signals.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

constexpr int listener = 0;
constexpr std::size_t largest_hosts = 4u << 20;
constexpr auto look_at_settings = Milliseconds{2s};
constexpr auto time_to_finish = Milliseconds{5s};  // for what was asked, before it leaves

Result<std::vector<HostsLine>> read_hosts() {
  auto const directory = TRY(Directory::open("/etc"));
  auto const file = directory.open_file("hosts");
  std::string const text = file ? TRY(read_all(file->number(), largest_hosts)) : std::string{};
  std::vector<HostsLine> lines = parse_hosts(Wire{text});
  add_localhost(lines);
  return lines;
}

// Ends the program when a setting changed: s6 starts it anew, and its socket never closes meanwhile.
class Watch {
 public:
  Watch(EventLoop& loop, const Control& control, const DnsSettings& wanted, const Fd& signals)
      : control_(control),
        settings_(wanted),
        signals_(signals),
        timer_(loop, -1, on_time, this),
        signal_(loop, signals.number(), on_signal, this),
        files_(files()) {}

  Status start() {
    TRY(timer_.start(0, look_at_settings, true));
    return signal_.start(is_readable, std::nullopt, true);
  }
  bool is_over() const { return !why_.empty(); }
  std::string_view why() const { return why_; }

 private:
  struct Identity {
    ino_t inode = 0;
    off_t size = 0;
    timespec changed{};
    bool operator==(const Identity& other) const {
      return inode == other.inode && size == other.size && changed.tv_sec == other.changed.tv_sec &&
             changed.tv_nsec == other.changed.tv_nsec;
    }
  };
  using Files = std::array<Identity, 4>;

  static void on_time(void* watch, unsigned) { static_cast<Watch*>(watch)->look(); }
  static void on_signal(void* watch, unsigned) {
    auto& self = *static_cast<Watch*>(watch);
    if (int const signal = next_signal(self.signals_); signal != 0) self.why_ = signal == SIGHUP ? "hangup" : "told to stop";
  }

  Files files() const {
    constexpr std::string_view in_control = "control/";
    std::string_view const anchor = settings_.anchor ? std::string_view{*settings_.anchor} : std::string_view{};
    std::string const names[] = {"dnsforward", "dnsstub", "dnsanchor",
                                 std::string{anchor.starts_with(in_control) ? anchor.substr(in_control.size()) : ""}};
    Files files;
    for (std::size_t i = 0; i < files.size(); ++i)
      if (auto const status = control_.directory().status_of(names[i]))
        files[i] = {status->st_ino, status->st_size, status->st_mtim};
    return files;
  }

  // A setting that is wrong is said, and does not count.
  void look() {
    Files const now = files();
    if (now == files_) return;
    files_ = now;
    auto const wanted = DnsSettings::read(control_);
    if (wanted)
      why_ = "a setting changed";
    else
      LogLine{"settings"}.add("error", wanted.error().text()).add("counts", "what was before").write();
  }

  const Control& control_;
  const DnsSettings& settings_;
  const Fd& signals_;
  Event timer_, signal_;
  Files files_;
  std::string_view why_;
};

Status serve(EventLoop& loop, DnsServer& server, const Watch& watch) {
  while (!watch.is_over()) TRY(loop.run_once());
  LogLine{"stop"}.add("reason", watch.why()).write();
  server.stop();
  Deadline const deadline = Deadline::in(time_to_finish);
  Event alarm{loop, -1, [](void*, unsigned) {}, nullptr};
  TRY(alarm.start(0, time_to_finish, true));
  while (!server.is_done() && !deadline.has_passed()) TRY(loop.run_once());
  return Done{};
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  TRY(check_service(ServiceSocket::listening));
  auto const control = TRY(Control::open());
  auto const accounts = TRY(Accounts::read(control.directory()));
  auto const wanted = TRY(DnsSettings::read(control));
  auto const hosts = wanted.is_hosts_only ? TRY(read_hosts()) : std::vector<HostsLine>{};
  auto const signals = TRY(signal_events({SIGTERM, SIGHUP}));
  EventLoop loop = TRY(EventLoop::make());
  DnsServer server{loop, accounts};
  TRY(server.prepare(wanted, hosts));
  TRY(set_nonblocking(listener));
  TRY(confine_with(wanted.other_ports()));

  Watch watch{loop, control, wanted, signals};
  TRY(watch.start());
  TRY(server.listen(listener));
  LogLine{"start"}
      .add("asks", wanted.is_hosts_only        ? "hosts"
                   : wanted.forwarders.empty() ? "root"
                                               : "forwarders")
      .add("stubs", std::uint64_t{wanted.stubs.size()})
      .add("anchor", wanted.anchor.value_or("none"))
      .write();
  notify_ready(args.variable("NOTIFY").value_or(std::string_view{}));
  return serve(loop, server, watch);
}
