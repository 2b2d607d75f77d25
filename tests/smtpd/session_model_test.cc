// Tests of smtpd/smtp_session against a model of a few lines: every sequence of three commands from every phase, most of
// which can fail, and what they leave behind: after each a whole message goes through, alone and unharmed.
#include <catch2/catch.hpp>
#include <functional>

#include "tests/smtpd/session_harness.h"

using namespace postern;

namespace {

enum class Phase { fresh, greeted, sender, recipients, chunks };

struct Delivery {
  std::size_t recipients;
  std::string text;
  friend bool operator==(const Delivery&, const Delivery&) = default;
};

// What smtpd should say and do. Replies are their codes, a space behind each.
struct Model {
  Phase phase = Phase::fresh;
  std::size_t recipients = 0;
  std::string chunks;
  int begins = 0;
  std::set<int> failing_begins;
  std::vector<Delivery> deliveries;
  std::string replies;

  void say(std::string_view codes) {
    replies += codes;
    replies += ' ';
  }
  void end_transaction() {
    if (phase != Phase::fresh) phase = Phase::greeted;
    recipients = 0;
    chunks.clear();
  }
  // False: queue-inject is not there.
  bool begin(bool succeeds) {
    if (!succeeds) failing_begins.insert(begins);
    ++begins;
    return succeeds;
  }
  void deliver(const std::string& text) {
    deliveries.push_back({recipients, text});
    say("250");
    end_transaction();
  }
  void mail(std::string_view reply) {
    if (phase != Phase::greeted) return say("503");
    say(reply);
    if (reply == "250") phase = Phase::sender;
  }
  void rcpt(std::string_view reply) {
    if (phase != Phase::sender && phase != Phase::recipients) return say("503");
    say(reply);
    if (reply == "250") phase = Phase::recipients, ++recipients;
  }
  void data(const std::string& text, std::string_view reply, bool begins_well, std::string_view as_commands) {
    if (phase != Phase::recipients || !begin(begins_well)) {
      say(phase == Phase::recipients ? "451" : phase == Phase::sender ? "554" : "503");
      say(as_commands);
      return end_transaction();
    }
    say("354");
    if (reply == "250") return deliver(text);
    say(reply);
    end_transaction();
  }
  void bdat(const std::string& chunk, bool is_last, std::string_view reply, bool begins_well) {
    bool const is_in_order = phase == Phase::recipients || phase == Phase::chunks;
    if (!is_in_order || (phase == Phase::recipients && !begin(begins_well))) {
      say(is_in_order ? "451" : phase == Phase::sender ? "554" : "503");
      return end_transaction();
    }
    phase = Phase::chunks;
    chunks += chunk;
    if (reply == "250" && is_last) return deliver(chunks);
    say(reply);
    if (reply != "250") end_transaction();
  }
};

struct Command {
  std::string_view wire;
  std::function<void(Model&)> act;
};

const std::vector<Command>& commands() {
  static const std::vector<Command> all = {
      {"EHLO c\r\n", [](Model& m) { m.phase = Phase::greeted, m.end_transaction(), m.say("250"); }},
      {"EHLO\r\n", [](Model& m) { m.say("501"); }},
      {"MAIL FROM:<a@b>\r\n", [](Model& m) { m.mail("250"); }},
      {"MAIL FROM:<a>\r\n", [](Model& m) { m.mail("501"); }},
      {"RCPT TO:<bob@here.example>\r\n", [](Model& m) { m.rcpt("250"); }},
      {"RCPT TO:<eve@here.example>\r\n", [](Model& m) { m.rcpt("550"); }},
      {"RCPT TO:<>\r\n", [](Model& m) { m.rcpt("501"); }},
      {"DATA\r\none\r\n.\r\n", [](Model& m) { m.data("one\n", "250", true, "500 500"); }},
      {"DATA\r\none\r\n.\r\n", [](Model& m) { m.data("", "", false, "500 500"); }},
      {"DATA\r\nt\nwo\r\n.\r\n", [](Model& m) { m.data("", "550", true, "500 500 500"); }},
      {"DATA\r\nFAIL-ADD\r\n.\r\n", [](Model& m) { m.data("", "451", true, "500 500"); }},
      {"DATA\r\nFAIL-COMMIT\r\n.\r\n", [](Model& m) { m.data("", "451", true, "500 500"); }},
      {"DATA\r\nREFUSE\r\n.\r\n", [](Model& m) { m.data("", "554", true, "500 500"); }},
      {"BDAT 3\r\nabc", [](Model& m) { m.bdat("abc", false, "250", true); }},
      {"BDAT 3\r\nabc", [](Model& m) { m.bdat("abc", false, "250", false); }},
      {"BDAT 5 LAST\r\nxyz\r\n", [](Model& m) { m.bdat("xyz\n", true, "250", true); }},
      {"BDAT 1\r\n\n", [](Model& m) { m.bdat("", false, "550", true); }},
      {"BDAT x\r\n", [](Model& m) { m.say("501"), m.end_transaction(); }},
      {"RSET\r\n", [](Model& m) { m.say("250"), m.end_transaction(); }},
      {"NOOP\r\n", [](Model& m) { m.say("250"); }},
      {"FOO\r\n", [](Model& m) { m.say("500"); }},
  };
  return all;
}

std::string codes_of(std::string_view replies) {
  std::string codes;
  while (!replies.empty()) {
    if (replies.size() < 4 || replies[3] != '-') codes += std::string{replies.substr(0, 3)} + " ";
    std::size_t const end = replies.find("\r\n");
    if (end == std::string_view::npos) return codes + "unfinished";
    replies.remove_prefix(end + 2);
  }
  return codes;
}

class Trial {
 public:
  std::uint64_t count = 0;

  void all_of(const std::vector<std::size_t>& start, std::size_t length) {
    run(start);
    if (length == 0) return;
    for (std::size_t next = 0; next < commands().size(); ++next) {
      std::vector<std::size_t> longer = start;
      longer.push_back(next);
      all_of(longer, length - 1);
    }
  }

 private:
  void run(const std::vector<std::size_t>& sequence) {
    ++count;
    Model model;
    model.say("220");
    std::string wire;
    auto const give = [&](const Command& command) {
      wire += command.wire;
      command.act(model);
    };
    for (std::size_t const number : sequence) give(commands()[number]);
    for (std::size_t const number : {0u, 2u, 4u, 7u}) give(commands()[number]);  // EHLO, MAIL, RCPT, DATA
    MemoryQueue queue;
    queue.failing_begins = model.failing_begins;
    std::string const codes = codes_of(harness_.run(wire, queue));
    std::vector<Delivery> deliveries;
    for (const MemoryQueue::Message& message : queue.messages)
      deliveries.push_back({message.envelope.recipients.size(), message.text});
    if (codes == model.replies && deliveries == model.deliveries && !queue.is_open && !queue.was_misused) return;
    FAIL_CHECK("said " << codes << ", not " << model.replies << "; " << deliveries.size() << " messages, not "
                       << model.deliveries.size() << ":\n"
                       << wire);
  }

  SessionHarness harness_;
};

}  // namespace

TEST_CASE("every sequence of three commands, well or badly, from every phase") {
  Trial trial;
  trial.all_of({}, 3);
  trial.all_of({0}, 3);        // EHLO
  trial.all_of({0, 2}, 3);     // EHLO, MAIL
  trial.all_of({0, 2, 4}, 3);  // EHLO, MAIL, RCPT
  CHECK(trial.count == 4 * (1 + 21 + 21 * 21 + 21 * 21 * 21));
}
