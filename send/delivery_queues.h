// delivery_queues - which deliveries come next: per destination, in turn, within windows, limits, rates and rests
//
// Pure memory: time is given, files and sockets are elsewhere. There are two lanes: mail for mailboxes of this host, where a
// destination is a mailbox, and mail for other hosts, where it is the text of a Destination (lib/mail/destination.h). What
// starts is a transaction: ready jobs of one message for one destination, one in the local lane, up to 100 in the remote
// one; it counts as one.
//
// A destination's line of ready jobs is made of runs, each of one message. A transaction takes from the first run, and what
// is left of that goes to the end of the line: a message with many recipients holds up nobody else's for long. Destinations
// that may start something stand in rings, each in its turn. The remote lane has four, with shares of the limit in all:
// hosts that answer quickly may have all of it; those that nobody has heard of yet, those that take their time and those that
// fail have three quarters together, the last two a half, the last one a quarter; and while quick ones wait, the slow ones
// and those that fail an eighth each. So hosts that let us wait leave room for the others. A host whose transaction has just
// ended goes on with its next message at once, for some seconds, while its connection is open.
#pragma once

#include <array>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/mail/domain_values.h"
#include "send/destination_health.h"
#include "send/message_table.h"
#include "send/rate_limits.h"
#include "send/retry_schedule.h"

namespace postern {

struct DeliveryLimits {
  std::uint32_t local = 20;  // transactions at once; 0 halts
  std::uint32_t a_mailbox = 5;
  std::uint32_t remote = 100;
  DomainValues<std::uint32_t> a_host{20};
};

class Queues {
 public:
  MessageTable& table() { return table_; }
  const MessageTable& table() const { return table_; }
  void set_limits(const DeliveryLimits& limits);
  void set_schedule(const DomainValues<RetrySchedule>& schedule) { schedule_ = schedule; }
  void set_rates(RateLimits rates);

  void assign(Index job, Lane lane, const std::string& destination);  // of a job that is neither ready nor running
  void make_ready(Index job);                                         // waiting, if its message is held
  void make_running(Index job);                                       // it runs already: an earlier queue-send started it
  void unready(Index job);                                            // of a job that is ready: waiting, without a time
  void wait(Index job, Tick due);                                     // of a job that is not ready
  void remove(Index job);                                             // of a job that is not ready
  void hold(Index message);                                           // what runs goes on
  void release(Index message);
  void unpark_all();  // jobs that wait without a time are ready

  // The jobs of a transaction to start now, running from here on; false: nothing may start.
  bool next(Lane lane, Tick now, std::vector<Index>& jobs);
  void give_back(const std::vector<Index>& jobs);  // what next() gave could not be started: first of its destination again
  // No longer running, and waiting from here on. True: its destination has begun to rest.
  bool finished(Index job, Verdict verdict, Tick now);

  void advance(Tick now);  // what is due becomes ready
  Tick next_due() const;   // when advance() has something to do; the end of time if never
  void flush(Index message);
  void flush_all();

  std::uint32_t running(Lane lane) const { return running_[static_cast<std::size_t>(lane)]; }
  bool has_ready(Lane lane) const;  // or may have
  std::size_t destinations() const { return names_[0].size() + names_[1].size(); }
  const std::string& name_of(Index destination) const { return *targets_[destination].name; }
  Lane lane_of(Index destination) const { return targets_[destination].lane; }
  const Health& health_of(Index destination) const { return targets_[destination].health; }
  // Nothing of it starts soon: its destination rests or has had its share of this minute, or its lane is halted.
  bool is_stuck(Index ready_job, Tick now) const;
  std::string why(Index job, Tick now) const;  // it does not run, in words; empty: it runs, or is about to

  // What is said of hosts that rest, and that some rest after a restart.
  void set_trouble(Index destination, std::string text);
  std::uint32_t trouble_count() const { return trouble_count_; }  // changes with what is said
  const std::string& trouble_of(Index destination) const;
  void remember(const std::string& host, std::uint8_t rests, Tick until, std::string text);
  std::vector<Index> resting_hosts(Tick now) const;
  RateLimits& rates() { return rates_; }

  static constexpr Tick never = 0xffffffffu;
  static constexpr std::size_t most_known = 10'000;  // hosts that are remembered though there is no mail for them

 private:
  enum Ring : unsigned char { mailboxes, answering, slow, unheard, failing, no_ring };
  static constexpr std::size_t rings = 5;
  struct Line {  // of ready jobs
    Index first = no_index;
    Index last = no_index;
  };
  struct Target {
    const std::string* name = nullptr;  // the key in names_
    Line ready;
    std::uint32_t jobs = 0;  // that name this destination
    std::uint16_t running = 0;
    std::uint16_t limit = 0;
    Health health;
    Lane lane = Lane::local;
    Ring ring = no_ring;
    std::uint16_t takes = 0;  // ticks of a transaction, the last ones counting most
    bool is_paced = false;    // a timer says when its rate lets it go on
    bool is_listed = false;   // in known_
    bool was_used = false;    // since it was looked at there
  };
  struct Transaction {
    Index target = no_index;
    std::uint32_t open = 0;  // jobs; 0: free
    Index message = no_index;
    Tick since = 0;
    Tick streak_since = 0;
    Ring ring = no_ring;  // whose share it counts against
    bool is_inherited = false;
    bool has_success = false;
    bool has_failed = false;
    bool has_answered = false;
  };
  struct Timer {
    Tick due;
    Index index;
    std::uint32_t target_order;  // 0: a job. Targets that wait for one rate take turns
    friend bool operator>(const Timer& a, const Timer& b) {
      if (a.due != b.due) return a.due > b.due;
      return a.target_order != b.target_order ? a.target_order > b.target_order
                                              : a.index > b.index;  // a message's jobs one after the other
    }
  };

  // lines (delivery_lines.cc)
  void append(Line& line, Index job);
  void prepend(Line& line, Index job);
  void take_out(Line& line, Index job);
  void move_first_run_back(Line& line);
  bool is_same_run(Index a, Index b) const;
  void join_runs(Index last_of_one, Index first_of_other);

  // turns (delivery_turns.cc)
  Ring ring_of(const Target& target) const;
  void enter_ring(Index target);
  bool is_ring_full(std::size_t ring) const;
  bool start_from(std::size_t ring, std::vector<Index>& jobs);
  bool start_again(std::vector<Index>& jobs);
  bool start(Index target, Tick streak_since, std::vector<Index>& jobs);
  bool take_batch(Index target, std::vector<Index>& jobs);
  bool has_leave(Index target);
  bool may_start(const Target& target) const;
  Index new_transaction(Index target, Index message, Ring ring);
  bool note(Transaction& transaction, Verdict verdict);  // true: a rest begins
  void end(Index transaction);
  void add_timer(Tick due, Index index, bool is_target);
  Index target_of(Lane lane, const std::string& name);
  void leave(Index job);  // its destination
  void release_if_idle(Index target);
  bool is_forgettable(const Target& target) const;
  void forget(Index target);
  std::uint32_t limit_of(Lane lane, const std::string& name) const;
  std::uint32_t limit_in_all(Lane lane) const { return lane == Lane::local ? limits_.local : limits_.remote; }

  MessageTable table_;
  DeliveryLimits limits_;
  DomainValues<RetrySchedule> schedule_{RetrySchedule{}};
  RateLimits rates_;
  std::deque<Target> targets_;
  std::vector<Index> free_targets_;
  std::deque<Index> known_;  // hosts that may have no mail at times, and are not forgotten for that
  std::array<std::unordered_map<std::string, Index>, lanes> names_;
  std::unordered_map<Index, std::string> troubles_;  // of destinations that rest
  std::uint32_t trouble_count_ = 0;
  std::array<std::deque<Index>, rings> rings_;     // an entry counts if that is its target's ring
  std::array<std::uint32_t, rings> running_in_{};  // transactions, by the ring they came from
  std::array<std::uint32_t, lanes> running_{};
  std::deque<std::pair<Index, Tick>> again_;  // hosts whose transaction has just ended, and since when they have gone on so
  std::size_t turn_ = answering;              // the remote ring that is asked first
  std::deque<Transaction> transactions_;
  std::vector<Index> free_transactions_;
  Index last_inherited_ = no_index;
  std::vector<Timer> timers_;  // a heap, earliest first; entries of jobs that moved on are skipped
  std::uint32_t timer_order_ = 0;
  Tick now_ = 0;
};

}  // namespace postern
