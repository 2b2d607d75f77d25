#include "remote/smtp_exchange.h"

#include <cerrno>

#include "lib/net/remote_words.h"
#include "lib/os/io.h"

namespace postern {

std::string SmtpExchange::said(const PeerReply& reply) const {
  return RemoteReply{reply.status(), host_.name, host_.address, reply.text(), tls_}.text();
}

Error SmtpExchange::fail(std::string_view status, std::string_view what) {
  if (trouble_.empty()) trouble_ = remote_trouble(status, host_.text(), what);
  return temporary("the connection is over");
}

Error SmtpExchange::fail(const Error& error, std::string_view about) {
  bool const is_closed = error.number() == ECONNRESET || error.number() == EPIPE;
  if (is_closed && is_open()) end_ = End::closed;
  std::string what;
  if (error.is_permanent())
    what = error.what();  // it broke the protocol
  else if (error.number() == ETIMEDOUT)
    what = "no answer in time";
  else if (is_closed)
    what = "it closed the connection";
  else
    what = "the connection was lost (" + error.text() + ")";
  what += ", at ";
  what += about;
  return fail(error.is_permanent() ? "4.5.0" : "4.4.2", what);
}

Error SmtpExchange::turn_away(const PeerReply& reply) {
  if (reply.is_leaving()) end_ = End::announced;
  if (trouble_.empty()) trouble_ = said(reply);
  return temporary("the connection is over");
}

// What is there before we said anything: a server that goes says 421, or only closes; anything else answers no question.
Status SmtpExchange::expect_silence(std::string_view about) {
  if (!is_open()) return temporary("the connection is over");
  if (!replies_.has_anything()) return Done{};
  auto const reply = replies_.next(Deadline::in(5s));
  if (reply && reply->is_leaving()) return turn_away(*reply);
  if (reply) return fail("4.5.0", "it answered before it was asked: " + reply->text());
  return fail(reply.error(), about);
}

Status SmtpExchange::ask(std::string_view commands, std::string_view about, Deadline deadline) {
  TRY(expect_silence(about));
  auto const sent = write_all(socket_.number(), commands, deadline);
  if (sent) return Done{};
  // One that goes says why, and that may have come meanwhile.
  if (sent.error().number() != ETIMEDOUT && replies_.has_anything()) TRY(expect_silence(about));
  return fail(sent.error(), about);
}

Result<PeerReply> SmtpExchange::hear(std::string_view about, Deadline deadline) {
  if (!is_open()) return temporary("the connection is over");
  auto reply = replies_.next(deadline);
  if (!reply) return fail(reply.error(), about);
  if (reply->is_leaving()) return turn_away(*reply);
  return reply;
}

Result<TlsFacts> SmtpExchange::start_tls(Fd tlsc, const TlsWanted& wanted, Deadline deadline) {
  auto connection = tls_connect(std::move(tlsc), socket_.number(), wanted, deadline);
  socket_.close();
  if (!connection) return connection.error();
  socket_ = std::move(connection->plaintext);
  replies_ = ReplyReader{socket_.number()};
  tls_ = tls_words(connection->facts);
  return std::move(connection->facts);
}

// Nobody waits for an answer: what was delivered was answered before.
void SmtpExchange::say_goodbye() {
  if (is_open() && socket_.is_open() && !replies_.has_anything()) (void)write_all(socket_.number(), "QUIT\r\n", Deadline::in(1s));
  socket_.close();
}

}  // namespace postern
