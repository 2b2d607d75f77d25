// session_harness - whole sessions in memory: the client's bytes from one file, smtpd's replies to another, a queue that
// keeps what it is given and fails when told to, and a tlsd, an authd and a countd that are played
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

// TLS, played: what a client says in private is the next of its pieces.
class PlayedLine final : public SecureLine {
 public:
  enum class Mood : unsigned char { works, is_away, fails };
  Mood mood = Mood::works;
  std::vector<std::string> pieces;  // what the client says next, after each handshake
  std::size_t handshakes = 0;
  Milliseconds patience{};  // of the last handshake

  explicit PlayedLine(int in) : in_(in) {}
  bool has_bytes_waiting() const override {
    char first;
    return pread(in_, &first, 1, lseek(in_, 0, SEEK_CUR)) == 1;
  }
  Status prepare() override {
    if (mood == Mood::is_away) return temporary("tlsd: away");
    return Done{};
  }
  Result<TlsFacts> secure(std::string_view, std::string_view, Deadline deadline) override {
    patience = Milliseconds{deadline.poll_timeout()};
    refill(in_, handshakes < pieces.size() ? pieces[handshakes] : std::string{});
    ++handshakes;
    if (mood == Mood::fails) return temporary("tlsd says no");
    TlsFacts facts;
    facts.protocol = "TLSv1.3";
    facts.cipher = "TLS_AES_256_GCM_SHA384";
    return facts;
  }
  static void refill(int file, std::string_view bytes) {
    if (ftruncate(file, 0) != 0 || !pwrite_all(file, bytes, 0)) abort();
    lseek(file, 0, SEEK_SET);
  }

 private:
  int in_;
};

// bob's password is "secret"; "shut" may not log in; of "later" authd cannot say; SCRAM goes well when it ends in "good".
class PlayedAuth final : public AuthPort {
 public:
  std::size_t questions = 0;
  Result<AuthAnswer> ask(const AuthRequest& request, Deadline) override {
    ++questions;
    AuthAnswer answer;
    answer.kind = AuthAnswer::Kind::no;
    answer.reason = AuthAnswer::Reason::bad;
    if (request.kind == AuthRequest::Kind::first) {
      answer.kind = AuthAnswer::Kind::challenge;
      answer.message = "r=abc,s=QSXCR+Q6sek8bf92,i=4096";
    } else if (request.kind == AuthRequest::Kind::last ? request.message.ends_with("good")
                                                       : request.login == "bob" && request.password == "secret") {
      answer.kind = AuthAnswer::Kind::yes;
      answer.login = "bob";
      if (request.kind == AuthRequest::Kind::last) answer.message = "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=";
    } else if (request.login == "later") {
      return temporary("authd: away");
    } else if (request.login == "shut") {
      answer.reason = AuthAnswer::Reason::shut;
    }
    return answer;
  }
};

class PlayedQuota final : public MessageQuota {
 public:
  std::size_t most_recipients = 1000;  // of one message
  std::uint64_t taken = 0, given_back = 0;
  std::string_view take(std::string_view, std::size_t recipients) override {
    if (recipients > most_recipients) return "450 4.7.1 enough";
    ++taken;
    return {};
  }
  void give_back() override { ++given_back; }
};

class SessionHarness {
 public:
  SessionHarness()
      : recipients_(make_recipients()),
        in_(memfd_create("in", MFD_CLOEXEC)),
        out_(memfd_create("out", MFD_CLOEXEC)),
        line(in_.number()) {
    rules.me = rules.id_host = "mx.here.example";
    rules.greeting = "mx.here.example ESMTP";
    client_.address = "192.0.2.7";
  }

  SessionRules rules;
  SenderRights senders;
  PlayedAuth auth;
  PlayedQuota quota;

  // All the replies to `bytes`, after which the client hangs up.
  std::string run(std::string_view bytes, MemoryQueue& queue) {
    PlayedLine::refill(in_.number(), bytes);
    PlayedLine::refill(out_.number(), {});
    line.handshakes = 0;
    LineReader in{in_.number()};
    ReplyWriter out{out_.number()};
    SessionParts const parts{rules, recipients_, senders, client_, queue, line, auth, quota};
    SmtpSession session{parts, in, out};
    {
      QuietLog const quiet;
      session.run([](const SessionRules&, const ClientInfo&) { return SmtpSession::Start::polite; });
    }
    lseek(out_.number(), 0, SEEK_SET);
    auto replies = read_all(out_.number(), 64u << 20);
    return replies ? *std::move(replies) : std::string{};
  }
  // The first piece in the clear, each further one behind a handshake.
  std::string run_pieces(std::vector<std::string> pieces, MemoryQueue& queue) {
    std::string const first = pieces.front();
    pieces.erase(pieces.begin());
    line.pieces = std::move(pieces);
    return run(first, queue);
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

  RecipientCheck recipients_;
  ClientInfo client_;
  Fd in_;
  Fd out_;

 public:
  PlayedLine line;
};

}  // namespace postern
