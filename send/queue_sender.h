// queue_sender - what queue-send does with what it knows: takes messages up, starts deliveries, keeps outcomes
//
// One loop around poll(2). It opens and reads queue files (frame and envelope only), writes its own state files, and
// speaks to four services over sockets that never make it wait: local-spawn and remote-spawn deliver, queue-clean unlinks,
// moves and syncs, bounce tells senders. Whatever a service has not answered is asked again when it comes back.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "lib/core/clock.h"
#include "lib/mail/envelope.h"
#include "lib/net/bounce_protocol.h"
#include "lib/net/clean_protocol.h"
#include "lib/net/delivery_protocol.h"
#include "lib/os/control.h"
#include "lib/os/directory.h"
#include "send/delivery_queues.h"
#include "send/order_clients.h"
#include "send/pause_store.h"
#include "send/send_settings.h"
#include "send/service_connection.h"
#include "send/spawner_connection.h"
#include "send/state_store.h"
#include "send/todo_scan.h"

namespace postern {

class QueueSender {
 public:
  struct Descriptors {
    int notifications;  // datagrams: a queue ID; "F", flush all; "F" and an ID, flush one
    Fd trigger;         // FIFO: a byte says "look through todo"; may be missing
    Fd signals;
  };
  QueueSender(Directory todo, Directory state, Control control, SendSettings first_settings, Descriptors descriptors,
              OrderClients orders, PauseStore pauses);
  Status run(std::string_view notify);

 private:
  // taking up (queue_sender_intake.cc)
  Index take_up(const QueueId& id);  // no_index: it is gone, broken or withdrawn, or cannot be read now
  void add_jobs(Index message, const Envelope& envelope, const DeliveryState& known);
  struct Where {
    Lane lane;
    std::string destination;  // a mailbox, or a Destination's text
    bool is_refused;          // it came from a stranger, and would be passed on
  };
  Where where_to(const Envelope& envelope, const Address& recipient) const;
  void take_up_job(Index job, const Envelope& envelope, std::int64_t next, std::int64_t now);
  void set_aside(const QueueId& id, const Error& error);
  void scan_step();
  void hear_notifications();
  void hear_trigger();

  // starting (queue_sender_start.cc)
  bool start_deliveries();
  bool start_deliveries(Spawner& spawner);
  bool start(Spawner& spawner, std::vector<Index>& jobs);
  Status read_recipients(int fd, const std::vector<Index>& jobs, std::vector<Address>& addresses) const;
  void start_failed(Index message, const std::vector<Index>& jobs, const Error& error);
  bool reroute(int fd, std::vector<Index>& jobs, std::vector<Address>& addresses);
  void vanish(Index message);
  std::string recipient_of(Index job) const;

  // what spawners say (queue_sender_reports.cc)
  struct Running {
    Index job;
    Lane lane;
    std::string recipient;
    Milliseconds since;
  };
  void hear_spawner(Spawner& spawner);
  void hear_report(Spawner& spawner, const DeliveryReport& report);
  void forget_unless_removing(Spawner& spawner, const DeliveryKey& key);
  void spawner_is_ready(Spawner& spawner);
  void inherit(Spawner& spawner, Index job);
  Index find_job(const DeliveryKey& key) const;
  std::uint64_t running_key(Index job) const;

  // ending (queue_sender_outcome.cc)
  struct Ended {
    Outcome outcome;
    Blame blame;
    std::string text;
    std::string recipient;
    Milliseconds since;
  };
  void conclude(Index job, Ended ended);
  void note_destination(Index job, const Ended& ended, bool begins_rest);
  bool defer(Index job, const Ended& ended, bool is_destinations);
  static Seconds short_wait(Job& job);
  bool keep(Index message, const StateLine& line);
  void settle(Index message);
  void remove(Index message);
  void removed(const QueueId& id, std::uint32_t error);
  Seconds lifetime_of(Index job) const;
  bool is_too_old(Index job) const;

  // what nobody reports (queue_sender_sweep.cc)
  bool sweep_step();
  unsigned look_over(Index message);
  void give_up(Index job);
  void tell_delay(Index job);
  Deadline after_sweep() const;
  void recall_resting_hosts();
  void keep_resting_hosts();

  // telling senders, and queue-clean (queue_sender_services.cc)
  void hear_clean();
  void ask_clean();
  void report(Index message);
  void ask_bounce();
  bool send_bounce_request(Index message);
  std::optional<BouncedRecipient> report_of(const RecipientState& known, unsigned notify, const DeliveryKey& key) const;
  void hear_bounce();
  void bounce_answered(const BounceAnswer& answer);
  void forget_report();

  // what operators order (queue_sender_orders.cc)
  void take_orders();
  void obey(OrderClients::Name client, const Order& order);
  void obey_about_message(OrderClients::Name client, const Order& order, Index message);
  void hold(OrderClients::Name client, const Order& order, Index message);
  void release(OrderClients::Name client, const Order& order, Index message);
  void order_removal(OrderClients::Name client, const Order& order, Index message);
  void withdraw(Index message);
  void explain(OrderClients::Name client, const Order& order, Index message);
  std::string why(Index job) const;
  bool mark(const Order& order, Index message, StateWord word);  // false: in memory only, for now
  void answer_was_so(OrderClients::Name client, const Order& order, Index message, std::string_view text);
  void answer(OrderClients::Name client, const Order& order, OrderAnswer::Kind kind, std::string_view text = {});
  void state_is_durable(const QueueId& id, std::uint32_t error);
  void message_is_gone(const QueueId& id, std::string_view how);
  void discarded(const QueueId& id, std::uint32_t error);
  // and what they pause (queue_sender_pauses.cc)
  void obey_about_pauses(OrderClients::Name client, const Order& order);
  void ask_clean_for_pauses();
  void pauses_are_durable(std::uint32_t error);
  void apply_pauses();
  DeliveryLimits limits_in_force() const;
  bool park_paused(std::vector<Index>& jobs, std::vector<Address>& addresses);

  // the loop (queue_sender.cc)
  void connect_services();
  void work_through();
  void wait_and_hear();
  bool hear_signals();  // false: told to stop
  void read_settings_again(bool is_forced);
  void notice_new_settings();
  void flush(std::string_view which);
  void finish();
  void ask_to_remove(Index message);
  void repeat_requests();
  Deadline next_event() const;
  Tick tick_now() const;
  Tick tick_in(Seconds wait) const;

  Directory todo_;
  Control control_;
  SendSettings settings_;
  SettingsFiles settings_files_;
  Descriptors descriptors_;
  Milliseconds started_ = monotonic_now();
  Queues queues_;
  StateStore states_;
  TodoScan scan_;

  struct Unanswered {
    OrderClients::Name client;
    Order order;
  };
  OrderClients orders_;
  PauseStore pauses_;
  std::unordered_multimap<std::string, Unanswered> unanswered_;  // by ID, or what is paused

  std::array<Spawner, lanes> spawners_{Spawner{Lane::local, "local-spawn"}, Spawner{Lane::remote, "remote-spawn"}};
  Connection clean_{"queue-clean"}, bounce_{"bounce"};
  bool is_clean_ready_ = false;
  bool has_more_to_start_ = false;
  bool has_more_to_sweep_ = false;
  bool has_begun_ = false;                                     // the first walk through todo was started
  std::vector<Index> starting_;                                // room for the jobs of a transaction
  std::unordered_map<std::uint64_t, Running> running_;         // by running_key()
  std::unordered_set<Index> removing_;                         // messages whose removal queue-clean has not confirmed
  std::unordered_set<std::string> broken_;                     // IDs that queue-clean is to move to broken/
  std::deque<Index> to_report_;                                // messages whose failures are durable
  Index reporting_ = no_index;                                 // the one that bounce has been asked about
  std::vector<std::pair<std::uint32_t, StateWord>> reported_;  // its recipients in that request, and what is written of them
  Index swept_ = no_index;                                     // next message to be looked over; no_index: between two walks
  std::uint32_t kept_troubles_ = 0;                            // Queues::trouble_count() of what state/destinations has
  Deadline bounce_again_ = Deadline::in(Milliseconds{0});

  Deadline next_scan_ = Deadline::never();
  Deadline next_triggered_scan_ = Deadline::never();
  Deadline trigger_rest_ = Deadline::in(Milliseconds{0});
  Deadline next_settings_ = Deadline::in(Milliseconds{0});
  std::int64_t control_changed_ = 0;  // when control/ was last seen to change; 0: look again
  Deadline next_sync_ = Deadline::never();
  Deadline next_write_ = Deadline::in(Milliseconds{0});
  Deadline next_repeat_ = Deadline::never();
  Deadline next_sweep_ = Deadline::in(Milliseconds{1000});
  Deadline next_memory_ = Deadline::in(Milliseconds{0});
  std::uint16_t routes_generation_ = 0;
};

std::string queue_path(const QueueId& id);               // below queue/todo
QueueId no_message();                                    // what queue-clean is told when a sync is not of a message's state
bool is_to_tell(StateWord outcome, bool wants_success);  // the sender is to hear of it
constexpr std::string_view no_relay = "5.7.1 this host does not pass mail on to that domain";

}  // namespace postern
