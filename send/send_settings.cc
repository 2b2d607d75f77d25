#include "send/send_settings.h"

namespace postern {
namespace {

constexpr const char* files[] = {"me",
                                 "locals",
                                 "virtualdomains",
                                 "rcpthosts",
                                 "queuescan",
                                 "queuelifetime",
                                 "retryschedule",
                                 "concurrencylocal",
                                 "concurrencymailbox"};

}  // namespace

Result<SendSettings> SendSettings::read(const Control& control) {
  DeliveryLimits const limits{static_cast<std::uint32_t>(TRY(control.number<"concurrencylocal">())),
                              static_cast<std::uint32_t>(TRY(control.number<"concurrencymailbox">()))};
  auto const lifetime = static_cast<std::int64_t>(TRY(control.number<"queuelifetime">()));
  auto const scan_every = static_cast<std::int64_t>(TRY(control.number<"queuescan">()));
  RetrySchedule schedule;
  if (auto const lines = TRY(control.list<"retryschedule">())) schedule = TRY(RetrySchedule::parse(*lines));
  return SendSettings{limits, Seconds{lifetime}, Seconds{scan_every}, std::move(schedule), TRY(Routes::read(control))};
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
