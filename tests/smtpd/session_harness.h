// session_harness - whole sessions in memory: the client's bytes from one file, smtpd's replies to another, and a queue
// that keeps what it is given and fails when told to
#pragma once

#include <cdb.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/os/io.h"
#include "smtpd/smtp_session.h"

namespace postern {

class MemoryQueue final : public MessageQueue {
 public:
  struct Message {
    std::string text;
    Envelope envelope;
  };
  std::vector<Message> messages;
  std::set<int> failing_begins;  // numbers of the begin() calls that fail, from 0
  bool is_open = false;          // a message was begun and neither committed nor abandoned
  bool was_misused = false;

  Status begin() override {
    was_misused |= is_open;
    text_.clear();
    if (failing_begins.contains(begins_++)) return temporary("queue: away");
    is_open = true;
    return Done{};
  }
  Status add(std::string_view text) override {
    was_misused |= !is_open;
    text_ += text;
    if (text_.find("FAIL-ADD") == std::string::npos) return Done{};
    is_open = false;
    return temporary("queue: gone");
  }
  Result<QueueAnswer> commit(const Envelope& envelope) override {
    was_misused |= !std::exchange(is_open, false);
    if (text_.find("FAIL-COMMIT") != std::string::npos) return temporary("queue: gone");
    if (text_.find("REFUSE") != std::string::npos) return QueueAnswer{std::nullopt, Fate::permanent, "5.6.0 no"};
    messages.push_back({std::exchange(text_, {}), envelope});
    return QueueAnswer{*QueueId::parse(Wire{std::string_view{"0123456789abcdefghi"}}), Fate::temporary, {}};
  }
  void abandon() override { was_misused |= !std::exchange(is_open, false); }

 private:
  std::string text_;
  int begins_ = 0;
};

// here.example with the user bob; backup.example is taken for others. What the files say is read once, then they go.
inline RecipientCheck make_recipients() {
  namespace fs = std::filesystem;
  char name[] = "/tmp/postern-session-XXXXXX";
  if (!mkdtemp(name)) abort();
  std::string const path = name;
  fs::create_directory(path + "/control");
  auto const write = [&](const std::string& file, std::string_view text, int flags) {
    Fd const fd{open((path + file).c_str(), flags | O_CLOEXEC, 0644)};
    if (!write_all(fd.number(), text)) abort();
  };
  write("/control/me", "mx.here.example\n", O_WRONLY | O_CREAT);
  write("/control/locals", "here.example\n", O_WRONLY | O_CREAT);
  write("/control/rcpthosts", "backup.example\n", O_WRONLY | O_CREAT);
  Fd const users{open((path + "/cdb").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)};
  constexpr std::string_view key{"!bob\0", 5}, value{"bob\0001000\0001000\0/home/bob\0\0", 25};
  cdb_make maker;
  if (cdb_make_start(&maker, users.number()) != 0 ||
      cdb_make_add(&maker, key.data(), key.size(), value.data(), value.size()) != 0 || cdb_make_add(&maker, "", 0, "", 0) != 0 ||
      cdb_make_finish(&maker) != 0)
    abort();
  auto const control = Control::open(path + "/control");
  auto recipients = RecipientCheck::read(*control, Directory::open(path));
  if (!recipients) abort();
  fs::remove_all(path);
  return *std::move(recipients);
}

class SessionHarness {
 public:
  SessionHarness()
      : recipients_(make_recipients()), in_(memfd_create("in", MFD_CLOEXEC)), out_(memfd_create("out", MFD_CLOEXEC)) {
    rules.me = "mx.here.example";
    rules.greeting = "mx.here.example ESMTP";
    client_.address = "192.0.2.7";
  }

  SessionRules rules;

  // All the replies to `bytes`, after which the client hangs up.
  std::string run(std::string_view bytes, MemoryQueue& queue) {
    refill(in_, bytes);
    refill(out_, {});
    LineReader in{in_.number()};
    ReplyWriter out{out_.number()};
    SmtpSession session{rules, recipients_, queue, client_, in, out};
    {
      QuietLog const quiet;
      session.run(SmtpSession::Start::polite);
    }
    lseek(out_.number(), 0, SEEK_SET);
    auto replies = read_all(out_.number(), 64u << 20);
    return replies ? *std::move(replies) : std::string{};
  }

 private:
  // Log lines go to descriptor 2, wherever that leads; here they lead nowhere.
  class QuietLog {
   public:
    QuietLog() : kept_(fcntl(2, F_DUPFD_CLOEXEC, 3)) {
      Fd const nowhere{open("/dev/null", O_WRONLY | O_CLOEXEC)};
      dup2(nowhere.number(), 2);
    }
    QuietLog(const QuietLog&) = delete;
    QuietLog& operator=(const QuietLog&) = delete;
    ~QuietLog() { dup2(kept_.number(), 2); }

   private:
    Fd kept_;
  };

  static void refill(const Fd& file, std::string_view bytes) {
    if (ftruncate(file.number(), 0) != 0 || !pwrite_all(file.number(), bytes, 0)) abort();
    lseek(file.number(), 0, SEEK_SET);
  }

  RecipientCheck recipients_;
  ClientInfo client_;
  Fd in_;
  Fd out_;
};

}  // namespace postern
