#include "remote/remote_settings.h"

#include "lib/mail/a_labels.h"

namespace postern {
namespace {

Result<std::string> own_name(const Control& control) {
  auto const line = TRY(control.line<"helohost">());
  std::string const text = line ? *line : TRY(control.me());
  auto const domain = Domain::parse(Wire{text});
  if (!domain) return permanent("neither a host name nor an address literal: control/helohost or me:", text);
  return a_labels(*domain);
}

Result<SmtpTimes> times_of(const Control& control) {
  SmtpTimes times;
  auto const seconds = TRY(control.number<"timeoutremote">());
  if (seconds != 0)
    times.greeting = times.command = times.handshake = times.data = times.block = times.final_dot = Seconds{seconds};
  return times;
}

Status read_sources(const Control& control, RemoteSettings& into) {
  auto const lines = TRY(control.list<"outgoingip">());
  if (!lines) return Done{};
  for (const std::string& line : *lines) {
    auto const address = IpAddress::parse(Wire{line});
    if (!address) return permanent("control/outgoingip: not an IP address:", line);
    auto& source = address->is_v4() ? into.source_v4 : into.source_v6;
    if (source) return permanent("control/outgoingip: a second address of one family:", line);
    source = *address;
  }
  return Done{};
}

}  // namespace

Result<RemoteSettings> RemoteSettings::read(const Control& control) {
  RemoteSettings read;
  read.helo = TRY(own_name(control));
  read.own.names.push_back(read.helo);
  std::string const me = TRY(control.me());
  if (auto const domain = Domain::parse(Wire{me})) read.own.names.push_back(TRY(a_labels(*domain)));
  read.own.addresses = TRY(own_addresses());
  read.port = static_cast<std::uint16_t>(TRY(control.number<"smtpport">()));
  read.connect_time = Seconds{TRY(control.number<"timeoutconnect">())};
  read.times = TRY(times_of(control));
  read.tls = TRY(TlsPolicies::read(control));
  TRY(read_sources(control, read));
  return read;
}

}  // namespace postern
