#include "send/send_settings.h"

#include "lib/core/number.h"

namespace postern {
namespace {

constexpr const char* files[] = {"me",
                                 "locals",
                                 "virtualdomains",
                                 "rcpthosts",
                                 "smtproutes",
                                 "queuescan",
                                 "queuelifetime",
                                 "delaynotice",
                                 "retryschedule",
                                 "rateperdomain",
                                 "concurrencylocal",
                                 "concurrencymailbox",
                                 "concurrencyremote",
                                 "concurrencyperdomain"};

constexpr std::uint32_t usual_concurrency = 20;
constexpr std::uint64_t most_concurrency = 1000;
constexpr Seconds usual_lifetime = 120h;
constexpr std::uint64_t longest_lifetime = 5'184'000;

using Lines = std::optional<std::vector<std::string>>;

Result<DomainValues<std::uint32_t>> parse_concurrency(const Lines& lines) {
  DomainValues<std::uint32_t> limits{usual_concurrency};
  if (!lines) return limits;
  for (const std::string& line : *lines) {
    auto const [name, value] = split_named_value(line);
    auto const number = parse_number(Wire{value}, most_concurrency);
    if (!number || *number == 0)
      return permanent("control/concurrencyperdomain: neither number nor domain:number, 1 to 1000:", line);
    name.empty() ? limits.set(static_cast<std::uint32_t>(*number)) : limits.set(name, static_cast<std::uint32_t>(*number));
  }
  return limits;
}

Result<DomainValues<Seconds>> parse_lifetime(const Lines& lines) {
  DomainValues<Seconds> lifetime{usual_lifetime};
  if (!lines) return lifetime;
  for (const std::string& line : *lines) {
    auto const [name, value] = split_named_value(line);
    auto const number = parse_number(Wire{value}, longest_lifetime);
    if (!number) return permanent("control/queuelifetime: neither seconds nor domain:seconds, at most 5184000:", line);
    Seconds const seconds{static_cast<std::int64_t>(*number)};
    name.empty() ? lifetime.set(seconds) : lifetime.set(name, seconds);
  }
  return lifetime;
}

}  // namespace

Result<SendSettings> SendSettings::read(const Control& control) {
  DeliveryLimits limits{static_cast<std::uint32_t>(TRY(control.number<"concurrencylocal">())),
                        static_cast<std::uint32_t>(TRY(control.number<"concurrencymailbox">())),
                        static_cast<std::uint32_t>(TRY(control.number<"concurrencyremote">())),
                        TRY(parse_concurrency(TRY(control.list<"concurrencyperdomain">())))};
  auto lifetime = TRY(parse_lifetime(TRY(control.list<"queuelifetime">())));
  auto const delay = static_cast<std::int64_t>(TRY(control.number<"delaynotice">()));
  auto const scan_every = static_cast<std::int64_t>(TRY(control.number<"queuescan">()));
  auto schedule = TRY(parse_retry_schedules(TRY(control.list<"retryschedule">()).value_or(std::vector<std::string>{})));
  auto rates = TRY(RateLimits::parse(TRY(control.list<"rateperdomain">()).value_or(std::vector<std::string>{})));
  return SendSettings{std::move(limits),          std::move(lifetime),           Seconds{delay},
                      Seconds{scan_every},        std::move(schedule),           std::move(rates),
                      TRY(Routes::read(control)), TRY(SmtpRoutes::read(control))};
}

SettingsFiles SettingsFiles::look(const Control& control) {
  SettingsFiles files_now;
  for (const char* const name : files) {
    auto const status = control.directory().status_of(name);
    if (!status) {
      files_now.looks_.push_back(status.error().number());
      continue;
    }
    for (std::int64_t const value : {static_cast<std::int64_t>(status->st_ino), std::int64_t{status->st_size},
                                     std::int64_t{status->st_mtim.tv_sec}, std::int64_t{status->st_mtim.tv_nsec}})
      files_now.looks_.push_back(value);
  }
  return files_now;
}

}  // namespace postern
