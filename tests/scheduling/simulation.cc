// simulation - queue-send's scheduler against a virtual clock and hosts that are made up
//
//   simulation MESSAGES DOMAINS
//
// The queues are those of send/delivery_queues.h, with the default limits and schedule. Two worlds get the same mail, 140
// messages a second: in one every host is well, in the other some are dead, slow, greylisting, short of connections, paced or
// away for a while. Prints a line of numbers for each kind of host, and "fact NAME VALUE" lines that scheduling_check.py judges.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "lib/core/base32.h"
#include "send/delivery_queues.h"

namespace {

using namespace postern;

constexpr Tick second = ticks_a_second;
constexpr Tick hour = 3600 * second;
constexpr std::uint32_t messages_a_second = 100;  // somewhat less than what hosts that are all well take
constexpr Tick lifetime = 120 * hour;
constexpr Tick connection_idles = 5 * second;
constexpr Tick dead_after = 60 * second;  // a connection attempt's time-out
constexpr Tick slow_takes = 30 * second;
constexpr Tick back_after = hour / 2;
constexpr std::uint32_t few_connections = 3;

enum Kind : unsigned char { well, dead, slow, greylisting, short_of_connections, paced, away, kinds };
constexpr const char* kind_names[kinds] = {"well",  "dead",         "slow", "greylisting", "short of connections",
                                           "paced", "away at first"};
constexpr int share_of[kinds] = {0, 50, 30, 50, 20, 10, 20};  // of 1000; the others are well

struct Host {
  std::string name;
  Kind kind = well;
  Tick latency = 1;  // of a transaction on an open connection
  std::uint32_t running = 0;
  std::vector<Tick> idle_until;
  std::uint32_t tries = 0, failures = 0;
};

struct Mail {
  Tick arrives;
  std::uint32_t host;
  std::uint32_t recipients;
};

struct Running {
  Tick ends;
  std::uint32_t host;
  Verdict verdict;
  std::vector<Index> jobs;
};

struct Outcome {
  std::vector<Tick> delays;  // of recipients, from the message's arrival
  std::vector<Tick> late;    // those of the later half of the mail
  std::uint64_t given_up = 0;
};

class World {
 public:
  World(const std::vector<Mail>& mail, std::vector<Host> hosts) : mail_(mail), hosts_(std::move(hosts)) {
    queues_.set_limits(limits_);
    std::vector<std::string> rates;
    for (const Host& host : hosts_)
      if (host.kind == paced) rates.push_back(host.name + ":60");
    queues_.set_rates(*RateLimits::parse(rates));
  }

  void run() {
    while (true) {
      Tick at = Queues::never;
      if (next_mail_ < mail_.size()) at = std::min(at, mail_[next_mail_].arrives);
      if (!ends_.empty()) at = std::min(at, ends_.top().first);
      if (queues_.table().size() > 0) at = std::min({at, queues_.next_due(), next_sweep_});
      if (at == Queues::never) return;
      now_ = std::max(now_, at);
      queues_.advance(now_);
      for (; next_mail_ < mail_.size() && mail_[next_mail_].arrives <= now_; ++next_mail_) arrive(mail_[next_mail_]);
      for (; !ends_.empty() && ends_.top().first <= now_; ends_.pop()) finish(ends_.top().second);
      if (now_ >= next_sweep_) sweep();
      std::vector<Index> jobs;
      while (queues_.next(Lane::remote, now_, jobs)) start(jobs);
    }
  }

  Outcome outcomes[kinds];
  std::uint64_t transactions = 0, connections = 0, twice = 0, paced_too_fast = 0;
  std::uint32_t most_at_once = 0;
  Tick last_well = 0;
  const std::vector<Host>& hosts() const { return hosts_; }
  std::size_t left() const { return queues_.table().size(); }

 private:
  void arrive(const Mail& mail) {
    std::string const id =
        base32(1'800'000'000'000'000 + std::uint64_t{now_} * 100'000 + ++count_, 11) + base32(chance_() >> 24, 8);
    Index const message = queues_.table().add(*QueueId::parse(Wire{id}));
    if (message >= arrived_.size()) arrived_.resize(message + 1);
    arrived_[message] = now_;
    for (std::uint32_t i = mail.recipients; i-- > 0;) {  // as queue-send does
      Index const job = queues_.table().add_job(message);
      if (job >= is_open_.size()) is_open_.resize(job + 1), host_of_.resize(job + 1);
      is_open_[job] = true;
      host_of_[job] = mail.host;
      queues_.table().job(job).recipient = i;
    }
    for (Index job = queues_.table().message(message).first_job; job != no_index; job = queues_.table().job(job).sibling) {
      queues_.assign(job, Lane::remote, hosts_[mail.host].name);
      queues_.make_ready(job);
    }
  }

  void start(const std::vector<Index>& jobs) {
    ++transactions;
    most_at_once = std::max(most_at_once, queues_.running(Lane::remote));
    Host& host = hosts_[host_of_[jobs.front()]];
    ++host.tries;
    std::erase_if(host.idle_until, [this](Tick until) { return until < now_; });
    bool const is_open = !host.idle_until.empty();
    if (is_open)
      host.idle_until.pop_back();
    else
      ++connections;
    Tick takes = host.latency * (is_open ? 1 : 3) + static_cast<Tick>(jobs.size() / 50);
    Verdict verdict = Verdict::success;
    if (host.kind == dead) {
      takes = dead_after;
      verdict = Verdict::unreachable;
    } else if (host.kind == slow) {
      takes = slow_takes;
    } else if ((host.kind == away && now_ < back_after) ||
               (host.kind == short_of_connections && host.running >= few_connections)) {
      takes = host.latency;
      verdict = Verdict::unreachable;
    } else if (host.kind == greylisting && queues_.table().job(jobs.front()).tries == 0) {
      verdict = Verdict::refused;
    }
    ++host.running;
    std::size_t index = running_.size();
    if (free_.empty()) {
      running_.emplace_back();
    } else {
      index = free_.back();
      free_.pop_back();
    }
    running_[index] = Running{now_ + takes, host_of_[jobs.front()], verdict, jobs};
    ends_.emplace(now_ + takes, index);
  }

  void finish(std::size_t index) {
    Running const ended = std::move(running_[index]);
    free_.push_back(index);
    Host& host = hosts_[ended.host];
    --host.running;
    if (ended.verdict == Verdict::unreachable)
      ++host.failures;
    else
      host.idle_until.push_back(now_ + connection_idles);
    for (Index const job : ended.jobs) {
      queues_.finished(job, ended.verdict, now_);
      if (ended.verdict == Verdict::success) {
        Tick const arrived = arrived_[queues_.table().job(job).message];
        outcomes[host.kind].delays.push_back(now_ - arrived);
        if (arrived > mail_.back().arrives / 2) outcomes[host.kind].late.push_back(now_ - arrived);
        if (host.kind == well) last_well = now_;
        close(job);
      } else if (ended.verdict == Verdict::refused) {
        Job& waiting = queues_.table().job(job);
        queues_.wait(job, now_ + static_cast<Tick>(schedule_.interval(++waiting.tries).count()) * second);
      } else {
        queues_.make_ready(job);
      }
    }
  }

  void close(Index job) {
    if (!is_open_[job]) ++twice;
    is_open_[job] = false;
    Index const message = queues_.table().job(job).message;
    queues_.remove(job);
    if (queues_.table().message(message).first_job == no_index) queues_.table().remove(message);
  }

  void sweep() {
    next_sweep_ = now_ + hour;
    for (Index job = 0; job < queues_.table().jobs_end(); ++job) {
      if (queues_.table().job(job).phase != Phase::ready || now_ - arrived_[queues_.table().job(job).message] < lifetime)
        continue;
      ++outcomes[hosts_[host_of_[job]].kind].given_up;
      queues_.unready(job);
      close(job);
    }
  }

  const std::vector<Mail>& mail_;
  std::vector<Host> hosts_;
  DeliveryLimits limits_;
  RetrySchedule schedule_;
  Queues queues_;
  Tick now_ = 0;
  Tick next_sweep_ = hour;
  std::size_t next_mail_ = 0;
  std::uint64_t count_ = 0;
  std::mt19937_64 chance_{3};
  std::vector<Tick> arrived_;           // by message
  std::vector<bool> is_open_;           // by job
  std::vector<std::uint32_t> host_of_;  // by job
  std::vector<Running> running_;
  std::vector<std::size_t> free_;
  std::priority_queue<std::pair<Tick, std::size_t>, std::vector<std::pair<Tick, std::size_t>>, std::greater<>> ends_;
};

// Few domains get most of the mail, as everywhere; a message in 200 has 50 recipients there, one in 100,000 has 10,000.
std::vector<Mail> make_mail(std::uint32_t messages, std::uint32_t domains) {
  std::mt19937_64 chance{1};
  std::vector<Mail> mail;
  for (std::uint32_t i = 0; i < messages; ++i) {
    double const part = static_cast<double>(chance() % 1'000'000) / 1e6;
    auto const host = std::min(domains - 1, static_cast<std::uint32_t>(part * part * part * domains));
    std::uint32_t const recipients = i % 100'000 == 50'000 ? 10'000 : i % 200 == 100 ? 50 : 1;
    mail.push_back({i * second / messages_a_second, host, recipients});
  }
  return mail;
}

std::vector<Host> make_hosts(std::uint32_t domains, bool are_well) {
  std::mt19937_64 chance{2};
  std::vector<Host> hosts(domains);
  for (std::uint32_t i = 0; i < domains; ++i) {
    hosts[i].name = "host" + std::to_string(i) + ".example";
    hosts[i].latency = 1 + static_cast<Tick>(chance() % 4);
    int const share = static_cast<int>(chance() % 1000);
    int below = 0;
    for (int kind = dead; kind < kinds && !are_well; ++kind) {
      if (share >= below && share < below + share_of[kind]) hosts[i].kind = static_cast<Kind>(kind);
      below += share_of[kind];
    }
  }
  return hosts;
}

double seconds_at(std::vector<Tick>& delays, double part) {
  if (delays.empty()) return 0;
  auto const at = delays.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(delays.size() - 1));
  std::nth_element(delays.begin(), at, delays.end());
  return static_cast<double>(*at) / second;
}

void show_kinds(World& world) {
  std::printf("  %-22s %10s %10s %8s %8s %8s %8s %10s\n", "hosts", "recipients", "given up", "median s", "99% s", "most s",
              "tries", "failures");
  for (int kind = 0; kind < kinds; ++kind) {
    std::uint64_t tries = 0, failures = 0, hosts = 0;
    for (const Host& host : world.hosts())
      if (host.kind == kind) ++hosts, tries += host.tries, failures += host.failures;
    if (hosts == 0) continue;
    auto& delays = world.outcomes[kind].delays;
    std::printf("  %5llu %-16.16s %10zu %10llu %8.1f %8.1f %8.1f %8llu %10llu\n", static_cast<unsigned long long>(hosts),
                kind_names[kind], delays.size(), static_cast<unsigned long long>(world.outcomes[kind].given_up),
                seconds_at(delays, 0.5), seconds_at(delays, 0.99), seconds_at(delays, 1), static_cast<unsigned long long>(tries),
                static_cast<unsigned long long>(failures));
  }
}

void show_dead_tries(const World& world) {
  std::vector<std::uint32_t> counts;
  for (const Host& host : world.hosts())
    if (host.kind == dead && host.tries > 0) counts.push_back(host.tries);
  if (counts.empty()) return;
  std::sort(counts.begin(), counts.end());
  std::printf("  how often a dead host was tried in five days, and how many hosts:");
  for (std::size_t i = 0; i < counts.size();) {
    std::size_t const next = static_cast<std::size_t>(std::upper_bound(counts.begin(), counts.end(), counts[i]) - counts.begin());
    std::printf(" %u:%zu", counts[i], next - i);
    i = next;
  }
  std::printf("\nfact dead_tries_most %u\nfact dead_tries_least %u\n", counts.back(), counts.front());
}

double memory_mib() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  unsigned long size = 0, resident = 0;
  if (!file || std::fscanf(file, "%lu %lu", &size, &resident) != 2) std::exit(111);
  std::fclose(file);
  return static_cast<double>(resident) * 4096 / (1 << 20);
}

}  // namespace

namespace postern {
extern const std::string_view program_name = "simulation";
}  // namespace postern

int main(int count, char** words) {
  auto const messages = static_cast<std::uint32_t>(count > 1 ? std::atoi(words[1]) : 100'000);
  auto const domains = static_cast<std::uint32_t>(count > 2 ? std::atoi(words[2]) : 10'000);
  std::vector<Mail> const mail = make_mail(messages, domains);
  std::uint64_t recipients = 0;
  for (const Mail& one : mail) recipients += one.recipients;
  std::printf("fact recipients %llu\n", static_cast<unsigned long long>(recipients));
  for (bool const are_well : {true, false}) {
    double const before = memory_mib();
    auto const begin = std::chrono::steady_clock::now();
    World world{mail, make_hosts(domains, are_well)};
    world.run();
    double const took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const char* const which = are_well ? "all_well" : "mixed";
    std::printf("%s\n", are_well ? "every host is well:" : "some are not:");
    show_kinds(world);
    std::uint64_t ended = 0;
    for (const Outcome& outcome : world.outcomes) ended += outcome.delays.size() + outcome.given_up;
    std::printf(
        "  %llu transactions over %llu connections, %u at once at most; mail for hosts that are well was gone after %.0f s\n",
        static_cast<unsigned long long>(world.transactions), static_cast<unsigned long long>(world.connections),
        world.most_at_once, static_cast<double>(world.last_well) / second);
    std::printf("  simulated in %.1f s, %.0f MiB more\n", took, memory_mib() - before);
    show_dead_tries(world);
    std::printf("fact %s_ended %llu\nfact %s_twice %llu\nfact %s_left %zu\nfact %s_most_at_once %u\n", which,
                static_cast<unsigned long long>(ended), which, static_cast<unsigned long long>(world.twice), which, world.left(),
                which, world.most_at_once);
    auto& delays = world.outcomes[well].delays;
    std::printf("fact %s_median %.1f\nfact %s_99 %.1f\nfact %s_most %.1f\nfact %s_last %.1f\nfact %s_seconds %.1f\n", which,
                seconds_at(delays, 0.5), which, seconds_at(delays, 0.99), which, seconds_at(delays, 1), which,
                static_cast<double>(world.last_well) / second, which, took);
    auto& late = world.outcomes[well].late;
    std::printf("fact %s_late_median %.1f\nfact %s_late_99 %.1f\n", which, seconds_at(late, 0.5), which, seconds_at(late, 0.99));
    std::uint64_t given_up = 0;
    for (const Outcome& outcome : world.outcomes) given_up += outcome.given_up;
    std::printf("fact %s_given_up %llu\nfact %s_given_up_but_dead %llu\nfact %s_mib_at_most %.0f\n", which,
                static_cast<unsigned long long>(given_up), which,
                static_cast<unsigned long long>(given_up - world.outcomes[dead].given_up), which, memory_mib());
  }
  return 0;
}
