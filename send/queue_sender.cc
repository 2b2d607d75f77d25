#include "send/queue_sender.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>

#include "lib/os/log.h"
#include "lib/os/signals.h"
#include "lib/os/socket.h"

namespace postern {
namespace {

constexpr auto between_triggered_scans = Milliseconds{1000};
constexpr auto between_looks_at_settings = Milliseconds{5000};
constexpr auto most_at_end = Milliseconds{2000};
constexpr auto tick = Milliseconds{1000 / ticks_a_second};

}  // namespace

QueueSender::QueueSender(Directory todo, Directory state, Control control, SendSettings first_settings, Descriptors descriptors,
                         OrderClients orders, PauseStore pauses)
    : todo_(std::move(todo)),
      control_(std::move(control)),
      settings_(std::move(first_settings)),
      settings_files_(SettingsFiles::look(control_)),
      descriptors_(std::move(descriptors)),
      states_(std::move(state)),
      scan_(todo_),
      orders_(std::move(orders)),
      pauses_(std::move(pauses)) {
  queues_.set_limits(limits_in_force());
  queues_.set_schedule(settings_.schedule);
  queues_.set_rates(settings_.rates);
}

Tick QueueSender::tick_now() const { return static_cast<Tick>((monotonic_now() - started_) / tick) + 1; }

Tick QueueSender::tick_in(Seconds wait) const { return tick_now() + static_cast<Tick>(wait / tick); }

Status QueueSender::run(std::string_view notify) {
  next_scan_ = Deadline::in(settings_.scan_every);
  recall_resting_hosts();
  notify_ready(notify);
  for (;;) {
    connect_services();
    work_through();
    wait_and_hear();
    if (!hear_signals()) break;
  }
  finish();
  return Done{};
}

void QueueSender::connect_services() {
  for (Spawner& spawner : spawners_)
    if (spawner.connection.connect())
      for (auto& [key, running] : running_)
        if (running.lane == spawner.lane) queues_.table().job(running.job).is_doubtful = true;
  if (clean_.connect()) {
    states_.syncs_lost();
    pauses_.sync_lost();
  }
  bounce_.connect();
}

// Everything that needs no waiting for others, in small pieces.
void QueueSender::work_through() {
  if (next_settings_.has_passed()) read_settings_again(false);
  if (next_scan_.has_passed() && has_begun_) {
    next_scan_ = Deadline::in(settings_.scan_every);
    scan_.start();
  }
  if (next_triggered_scan_.has_passed() && has_begun_) {
    next_triggered_scan_ = Deadline::never();
    trigger_rest_ = Deadline::in(between_triggered_scans);
    scan_.start();
  }
  if (scan_.is_running() && !states_.is_full()) scan_step();
  take_orders();
  queues_.advance(tick_now());
  has_more_to_start_ = start_deliveries();
  has_more_to_sweep_ = sweep_step();
  keep_resting_hosts();
  ask_clean();
  ask_clean_for_pauses();
  ask_bounce();
}

Deadline QueueSender::next_event() const {
  if ((scan_.is_running() && !states_.is_full()) || has_more_to_start_ || has_more_to_sweep_)
    return Deadline::in(Milliseconds{0});
  Deadline next = next_settings_.or_sooner(next_sync_).or_sooner(next_repeat_);
  if (has_begun_) next = next.or_sooner(next_scan_).or_sooner(next_triggered_scan_);
  for (const Spawner& spawner : spawners_) next = next.or_sooner(spawner.connection.next_try());
  next = next.or_sooner(clean_.next_try()).or_sooner(bounce_.next_try());
  if (!to_report_.empty() && reporting_ == no_index && bounce_.is_open()) next = next.or_sooner(bounce_again_);
  if (queues_.table().size() > 0) next = next.or_sooner(next_sweep_);
  if (kept_troubles_ != queues_.trouble_count()) next = next.or_sooner(next_memory_);
  Tick const due = queues_.next_due();
  Tick const now = tick_now();
  if (due != Queues::never) next = next.or_sooner(Deadline::in(due <= now ? Milliseconds{0} : tick * (due - now)));
  return next;
}

void QueueSender::wait_and_hear() {
  std::vector<pollfd> waiting = {{descriptors_.signals.number(), POLLIN, 0},
                                 {descriptors_.notifications, POLLIN, 0},
                                 {descriptors_.trigger.number(), POLLIN, 0},
                                 clean_.poll_entry(),
                                 bounce_.poll_entry(),
                                 spawners_[0].connection.poll_entry(),
                                 spawners_[1].connection.poll_entry()};
  orders_.add_to_poll(waiting);
  if (poll(waiting.data(), waiting.size(), next_event().poll_timeout()) <= 0) return;
  if (waiting[1].revents != 0) hear_notifications();
  if (waiting[2].revents != 0) hear_trigger();
  if (waiting[3].revents != 0) {
    bool const is_there = clean_.work(waiting[3].revents);
    hear_clean();  // what it said before it ended counts as well
    is_clean_ready_ = is_clean_ready_ && is_there;
  }
  if (waiting[4].revents != 0) {
    bool const is_there = bounce_.work(waiting[4].revents);
    hear_bounce();
    if (!is_there) forget_report();
  }
  for (std::size_t i = 0; i < lanes; ++i) {
    if (waiting[5 + i].revents == 0) continue;
    bool const is_there = spawners_[i].connection.work(waiting[5 + i].revents);
    hear_spawner(spawners_[i]);
    spawners_[i].is_ready = spawners_[i].is_ready && is_there;
  }
  orders_.hear(waiting);
}

bool QueueSender::hear_signals() {
  for (int signal; (signal = next_signal(descriptors_.signals)) != 0;) {
    if (signal == SIGTERM) return false;
    if (signal == SIGHUP) read_settings_again(true);
    if (signal == SIGALRM) flush({});
  }
  return true;
}

void QueueSender::read_settings_again(bool is_forced) {
  next_settings_ = Deadline::in(between_looks_at_settings);
  SettingsFiles files = SettingsFiles::look(control_);
  if (files == settings_files_ && !is_forced) return;
  settings_files_ = std::move(files);
  auto fresh = SendSettings::read(control_);
  if (!fresh) return LogLine{"settings"}.add("error", fresh.error().text()).add("effect", "the old ones stay").write();
  settings_ = *std::move(fresh);
  ++routes_generation_;
  queues_.set_schedule(settings_.schedule);
  queues_.set_limits(limits_in_force());
  queues_.set_rates(settings_.rates);
  next_scan_ = next_scan_.or_sooner(Deadline::in(settings_.scan_every));
  next_sweep_ = next_sweep_.or_sooner(after_sweep());
  LogLine{"settings"}
      .add("concurrencylocal", std::uint64_t{settings_.limits.local})
      .add("concurrencymailbox", std::uint64_t{settings_.limits.a_mailbox})
      .add("concurrencyremote", std::uint64_t{settings_.limits.remote})
      .add("concurrencyperdomain", std::uint64_t{settings_.limits.a_host.usual()})
      .add("queuelifetime", static_cast<std::uint64_t>(settings_.lifetime.usual().count()))
      .write();
}

// One call a message, so that what smtpd took, or somebody sends, by a new setting does not leave by an old one. Tools replace
// files by rename, which changes the time of control/ itself; what was edited in place is seen within 5 seconds.
void QueueSender::notice_new_settings() {
  auto const status = control_.directory().status();
  if (!status) return;
  std::int64_t const changed = std::int64_t{status->st_mtim.tv_sec} * 1'000'000'000 + status->st_mtim.tv_nsec;
  if (changed == control_changed_) return;
  read_settings_again(false);
  std::int64_t const now = std::chrono::duration_cast<std::chrono::nanoseconds>(wall_now().time_since_epoch()).count();
  control_changed_ = now - changed > 1'000'000'000 ? changed : 0;  // sooner, another change may get the same time
}

// Empty: everything. Else one message, by ID.
void QueueSender::flush(std::string_view which) {
  if (which.empty()) {
    queues_.flush_all();
    next_triggered_scan_ = Deadline::in(Milliseconds{0});
    return LogLine{"flush"}.add("messages", std::uint64_t{queues_.table().size()}).write();
  }
  auto const id = QueueId::parse(Wire{which});
  Index const message = id ? take_up(*id) : no_index;
  LogLine{"flush"}.add("id", which).add("effect", message == no_index ? "no such message" : "tried now").write();
  if (message != no_index && queues_.table().message(message).stage != Stage::removing) queues_.flush(message);
}

// Told to stop: every line that was written is made durable first, if queue-clean can do it soon. All else is known to
// those who start after us: outcomes stay with the spawner until it is told to forget them.
void QueueSender::finish() {
  next_memory_ = Deadline::in(Milliseconds{0});
  keep_resting_hosts();
  Deadline const deadline = Deadline::in(most_at_end);
  next_sync_ = Deadline::in(Milliseconds{0});
  while (is_clean_ready_ && !deadline.has_passed()) {
    ask_clean();
    ask_clean_for_pauses();
    if (states_.all_synced() && pauses_.is_synced() && removing_.empty()) return;
    pollfd waiting = clean_.poll_entry();
    if (poll(&waiting, 1, next_sync_.or_sooner(deadline).poll_timeout()) < 0) continue;
    is_clean_ready_ = clean_.work(waiting.revents);
    hear_clean();
    next_sync_ = Deadline::in(Milliseconds{10});
  }
}

}  // namespace postern
