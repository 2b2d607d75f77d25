// Tests of smtpd/session_start: STARTTLS and AUTH against a model of a few lines: every sequence of four commands from several
// beginnings, on each of the three services; and after each sequence what the session lets through.
#include <catch2/catch.hpp>
#include <functional>

#include "lib/core/base64.h"
#include "tests/smtpd/session_harness.h"

using namespace postern;

namespace {

// Where a session stands. Replies are their codes, a space behind each.
struct Model {
  ServiceKind kind = ServiceKind::smtp;
  bool is_private = false, is_greeted = false, is_extended = false, is_in = false, has_sender = false, has_recipient = false;
  bool is_over = false;
  std::size_t failures = 0, messages = 0;
  std::string replies;

  bool submits() const { return kind != ServiceKind::smtp; }
  void say(std::string_view codes) { (replies += codes) += ' '; }
  void end_transaction() { has_sender = has_recipient = false; }
  void name(bool extended) {
    is_greeted = true, is_extended = extended;
    end_transaction();
    say("250");
  }
  void start_tls() {
    is_private = true;
    is_greeted = is_extended = false;
    end_transaction();
  }
  // Where AUTH is refused before a password is looked at.
  std::string_view auth_refusal() const {
    return !submits() ? "502" : !is_private ? "538" : is_in ? "503" : has_sender ? "503" : !is_extended ? "503" : "";
  }
  void auth(std::string_view reply) {
    if (!auth_refusal().empty()) return say(auth_refusal());
    if (reply == "535" && ++failures == 5) {
      is_over = true;
      return say("421");
    }
    say(reply);
    if (reply == "235") is_in = true;
  }
  void mail(bool own) {
    if (has_sender || !is_greeted) return say("503");
    if (submits() && !is_in) return say("530");
    if (submits() && !own) return say("553");
    say("250");
    has_sender = true;
  }
  void rcpt(bool here) {
    if (!has_sender) return say("503");
    if (!here && !submits()) return say("550");
    say("250");
    has_recipient = true;
  }
  void data() {
    say(!has_sender ? "503" : !has_recipient ? "554" : "354");
    if (has_recipient) say("250"), ++messages;
    if (!has_recipient) say("500 500 500");  // the message, taken for commands
    end_transaction();
  }
};

struct Command {
  std::string wire;
  std::function<void(Model&)> act;
  bool starts_tls = false;
};

std::string plain(std::string_view login, std::string_view password) {
  using namespace std::string_literals;
  return "AUTH PLAIN " + base64("\0"s + std::string{login} + "\0"s + std::string{password}) + "\r\n";
}

const std::vector<Command>& commands() {
  static const std::vector<Command> all = {
      {"EHLO c\r\n", [](Model& m) { m.name(true); }},
      {"HELO c\r\n", [](Model& m) { m.name(false); }},
      {"STARTTLS\r\n", {}, true},
      {plain("bob", "secret"), [](Model& m) { m.auth("235"); }},
      {plain("bob", "wrong"), [](Model& m) { m.auth("535"); }},
      {plain("later", "x"), [](Model& m) { m.auth("454"); }},
      {"AUTH PLAIN ====\r\n", [](Model& m) { m.auth("501"); }},
      {"AUTH NONE\r\n", [](Model& m) { m.auth("504"); }},
      {"MAIL FROM:<bob@here.example>\r\n", [](Model& m) { m.mail(true); }},
      {"MAIL FROM:<eve@there.example>\r\n", [](Model& m) { m.mail(false); }},
      {"RCPT TO:<bob@here.example>\r\n", [](Model& m) { m.rcpt(true); }},
      {"RCPT TO:<you@there.example>\r\n", [](Model& m) { m.rcpt(false); }},
      {"DATA\r\nFrom: bob@here.example\r\n\r\n.\r\n", [](Model& m) { m.data(); }},
      {"RSET\r\n", [](Model& m) { m.say("250"), m.end_transaction(); }},
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
  explicit Trial(ServiceKind kind) : kind_(kind) {
    harness_.rules.kind = kind;
    harness_.rules.has_certificates = true;
    harness_.rules.names_client = kind == ServiceKind::smtp;
  }
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
    model.kind = kind_;
    std::vector<std::string> pieces{""};
    if (kind_ == ServiceKind::submissions) pieces.emplace_back(), model.is_private = true;
    model.say("220");
    auto const give = [&](const Command& command) {
      if (model.is_over) return;
      pieces.back() += command.wire;
      if (!command.starts_tls) return command.act(model);
      model.say(model.is_private ? "503" : "220");
      if (!model.is_private) pieces.emplace_back(), model.start_tls();
    };
    for (std::size_t const number : sequence) give(commands()[number]);
    for (std::size_t const number : {0u, 8u, 10u, 12u}) give(commands()[number]);  // EHLO, MAIL, RCPT, DATA
    MemoryQueue queue;
    harness_.quota = {};
    std::string const codes = codes_of(harness_.run_pieces(pieces, queue));
    bool is_right = codes == model.replies && queue.messages.size() == model.messages && !queue.is_open && !queue.was_misused;
    for (const MemoryQueue::Message& message : queue.messages) {
      const Envelope& envelope = message.envelope;
      is_right &= envelope.login == (model.submits() ? "bob" : "") && envelope.client.empty() == model.submits();
      is_right &= envelope.origin == (model.submits() ? Origin::submission : Origin::inbound);
    }
    is_right &= harness_.quota.taken - harness_.quota.given_back == (model.submits() ? model.messages : 0);
    if (is_right) return;
    std::string all;
    for (const std::string& piece : pieces) all += piece + "---\n";
    FAIL_CHECK("said " << codes << ", not " << model.replies << "; " << queue.messages.size() << " messages, not "
                       << model.messages << ":\n"
                       << all);
  }

  ServiceKind kind_;
  SessionHarness harness_;
};

}  // namespace

TEST_CASE("every sequence of three commands with STARTTLS and AUTH, on each port") {
  for (ServiceKind const kind : {ServiceKind::smtp, ServiceKind::submission, ServiceKind::submissions}) {
    Trial trial{kind};
    trial.all_of({}, 3);
    trial.all_of({0}, 2);              // EHLO
    trial.all_of({0, 2}, 2);           // EHLO, STARTTLS
    trial.all_of({0, 2, 0}, 2);        // ... EHLO
    trial.all_of({0, 2, 0, 3}, 2);     // ... AUTH
    trial.all_of({0, 2, 0, 3, 8}, 2);  // ... MAIL
    trial.all_of({0, 2, 0, 3, 8, 10}, 2);
    CHECK(trial.count == 1 + 14 + 14 * 14 + 14 * 14 * 14 + 6 * (1 + 14 + 14 * 14));
  }
}

TEST_CASE("what stands behind STARTTLS is never executed") {
  SessionHarness harness;
  harness.rules.has_certificates = true;
  for (std::string const behind :
       {"QUIT\r\n", "X", "\r\n", "MAIL FROM:<a@b>\r\nRCPT TO:<bob@here.example>\r\nDATA\r\nx\r\n.\r\n"}) {
    MemoryQueue queue;
    CHECK(codes_of(harness.run_pieces({"EHLO c\r\nSTARTTLS\r\n" + behind, "EHLO c\r\n"}, queue)) == "220 250 554 ");
    CHECK(harness.line.handshakes == 0);
    CHECK(queue.messages.empty());
  }
}

TEST_CASE("a tlsd that is away leaves the session in the clear, a handshake that fails ends it without a word") {
  SessionHarness harness;
  harness.rules.has_certificates = true;
  MemoryQueue queue;
  harness.line.mood = PlayedLine::Mood::is_away;
  CHECK(codes_of(harness.run("EHLO c\r\nSTARTTLS\r\n", queue)) == "220 250 454 ");
  harness.line.mood = PlayedLine::Mood::fails;
  CHECK(codes_of(harness.run_pieces({"EHLO c\r\nSTARTTLS\r\n", "NOOP\r\n"}, queue)) == "220 250 220 ");
  harness.rules.kind = ServiceKind::submissions;
  CHECK(harness.run_pieces({"", "NOOP\r\n"}, queue).empty());
  harness.line.mood = PlayedLine::Mood::is_away;
  CHECK(harness.run("", queue).empty());
}

TEST_CASE("STARTTLS is offered where there are certificates, and not twice; AUTH in private only") {
  SessionHarness harness;
  MemoryQueue queue;
  auto const offers = [&](std::vector<std::string> pieces, std::string_view what) {
    return harness.run_pieces(std::move(pieces), queue).find("250-" + std::string{what}) != std::string::npos;
  };
  harness.rules.kind = ServiceKind::submission;
  CHECK_FALSE(offers({"EHLO c\r\n"}, "STARTTLS"));
  CHECK(codes_of(harness.run("EHLO c\r\nSTARTTLS\r\n", queue)) == "220 250 502 ");
  harness.rules.has_certificates = true;
  CHECK(offers({"EHLO c\r\n"}, "STARTTLS"));
  CHECK_FALSE(offers({"EHLO c\r\n"}, "AUTH"));
  CHECK_FALSE(offers({"STARTTLS\r\n", "EHLO c\r\n"}, "STARTTLS"));
  CHECK(offers({"STARTTLS\r\n", "EHLO c\r\n"}, "AUTH "));
  harness.rules.kind = ServiceKind::smtp;
  CHECK_FALSE(offers({"STARTTLS\r\n", "EHLO c\r\n"}, "AUTH"));
}

TEST_CASE("AUTH line by line: responses, cancelled, too long, cut off, without CR") {
  SessionHarness harness;
  harness.rules.kind = ServiceKind::submissions;
  MemoryQueue queue;
  auto const say = [&](std::string_view wire) {
    return codes_of(harness.run_pieces({"", "EHLO c\r\n" + std::string{wire}}, queue));
  };
  std::string const login = base64("bob"), password = base64("secret");
  CHECK(say("AUTH LOGIN\r\n" + login + "\r\n" + password + "\r\n") == "220 250 334 334 235 ");
  CHECK(say("AUTH login " + login + "\r\n" + password + "\r\n") == "220 250 334 235 ");
  CHECK(say("AUTH PLAIN\r\n" + base64(std::string{"\0bob\0secret", 11}) + "\r\n") == "220 250 334 235 ");
  CHECK(say("AUTH LOGIN\r\n*\r\nNOOP\r\n") == "220 250 334 501 250 ");
  CHECK(say("AUTH LOGIN\r\n" + login + "\r\n" + base64("wrong") + "\r\nNOOP\r\n") == "220 250 334 334 535 250 ");
  CHECK(say("AUTH LOGIN\r\n" + base64("shut") + "\r\n" + password + "\r\n") == "220 250 334 334 535 ");
  CHECK(say("AUTH LOGIN\r\n" + login) == "220 250 334 ");
  CHECK(say("AUTH LOGIN\r\n" + login + "\nNOOP\r\n") == "220 250 334 501 250 ");
  CHECK(say("AUTH LOGIN\r\n" + std::string(20'000, 'A') + "\r\nNOOP\r\n") == "220 250 334 500 250 ");
  CHECK(say("AUTH LOGIN\r\n" + std::string(12'288, 'A') + "\r\nNOOP\r\n") ==
        "220 250 334 501 250 ");  // as long as may be, and too long a login
  CHECK(say("AUTH PLAIN " + std::string(12'288, 'A') + "\r\nNOOP\r\n") == "220 250 501 250 ");
  CHECK(say("AUTH PLAIN " + std::string(12'400, 'A') + "\r\nNOOP\r\n") == "220 250 500 250 ");
  CHECK(say("NOOP " + std::string(5000, 'x') + "\r\nNOOP\r\n") == "220 250 500 250 ");
  CHECK(say("AUTH\r\nAUTH \r\n") == "220 250 501 501 ");
}

TEST_CASE("the fifth wrong password ends the session") {
  SessionHarness harness;
  harness.rules.kind = ServiceKind::submissions;
  MemoryQueue queue;
  std::string wire = "EHLO c\r\n";
  for (int i = 0; i < 6; ++i) wire += plain("bob", "wrong");
  CHECK(codes_of(harness.run_pieces({"", wire}, queue)) == "220 250 535 535 535 535 421 ");
}

TEST_CASE("protocols have their names, and AUTH= is read and dropped") {
  constexpr struct {
    ServiceKind kind;
    std::string_view hello, parameters, protocol;
  } cases[] = {
      {ServiceKind::smtp, "EHLO", "", "ESMTPS"},
      {ServiceKind::smtp, "HELO", "", "SMTP"},
      {ServiceKind::smtp, "EHLO", " SMTPUTF8", "UTF8SMTPS"},
      {ServiceKind::submission, "EHLO", "", "ESMTPSA"},
      {ServiceKind::submission, "EHLO", " SMTPUTF8 AUTH=<>", "UTF8SMTPSA"},
      {ServiceKind::submission, "EHLO", " AUTH=e+3Dmc2@example.com", "ESMTPSA"},
  };
  for (auto const& [kind, hello, parameters, protocol] : cases) {
    SessionHarness harness;
    harness.rules.kind = kind;
    harness.rules.has_certificates = true;
    MemoryQueue queue;
    std::string wire = std::string{hello} + " c\r\n";
    if (kind == ServiceKind::submission) wire += plain("bob", "secret");
    wire += "MAIL FROM:<bob@here.example>" + std::string{parameters} + "\r\nRCPT TO:<bob@here.example>\r\n";
    harness.run_pieces({"STARTTLS\r\n", wire + "DATA\r\nFrom: bob@here.example\r\n\r\n.\r\n"}, queue);
    REQUIRE(queue.messages.size() == 1);
    CHECK(queue.messages[0].envelope.protocol == protocol);
    CHECK(queue.messages[0].envelope.tls == "TLSv1.3 TLS_AES_256_GCM_SHA384");
  }
}

TEST_CASE("a message over the limit is refused, by DATA and by BDAT, and what is not accepted is given back") {
  SessionHarness harness;
  harness.rules.kind = ServiceKind::submissions;
  harness.quota.most_recipients = 1;
  std::string const begun = "EHLO c\r\n" + plain("bob", "secret");
  std::string const mail = "MAIL FROM:<bob@here.example>\r\nRCPT TO:<a@there.example>\r\n",
                    more = "RCPT TO:<b@there.example>\r\n";
  auto const say = [&](const std::string& wire) {
    MemoryQueue queue;
    harness.quota.taken = harness.quota.given_back = 0;
    std::string codes = codes_of(harness.run_pieces({"", begun + wire}, queue));
    CHECK_FALSE(queue.is_open);
    CHECK(harness.quota.taken - harness.quota.given_back == queue.messages.size());
    return codes.substr(std::string_view{"220 250 235 "}.size());
  };
  std::string const text = "From: bob@here.example\r\n\r\nx\r\n";
  CHECK(say(mail + more + "DATA\r\nRSET\r\n") == "250 250 250 450 250 ");
  CHECK(say(mail + more + "BDAT 5 LAST\r\nQUIT\n" + mail) == "250 250 250 450 250 250 ");
  CHECK(say(mail + "DATA\r\n" + text + ".\r\n") == "250 250 354 250 ");
  CHECK(say(mail + "DATA\r\nFrom: eve@here.example\r\n\r\n.\r\n" + mail) == "250 250 354 550 250 250 ");
  CHECK(say(mail + "BDAT 3\r\nFro" + "RSET\r\n") == "250 250 250 250 ");
  CHECK(say(mail + "BDAT " + std::to_string(text.size()) + " LAST\r\n" + text + mail) == "250 250 250 250 250 ");
  CHECK(say(mail + "DATA\r\nFrom: bob") == "250 250 354 ");
}
