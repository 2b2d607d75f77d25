// pop3_session - the TRANSACTION and UPDATE states of POP3 (RFC 1939 §5, §6)
//
// Nothing in the mailbox changes but after QUIT. A message is sent whole, with its end, or the connection ends in it.
#pragma once

#include <optional>
#include <string>

#include "lib/net/line_reader.h"
#include "pop3d/mail_drop.h"
#include "pop3d/pop3_words.h"

namespace postern {

class Pop3Session {
 public:
  enum class Utf8 : unsigned char { no, yes };
  // `offer`: the ways in which the client could log in, if there was a login.
  Pop3Session(Maildrop& maildrop, Utf8 utf8, std::optional<LoginOffer> offer, LineReader& in, ResponseWriter& out)
      : maildrop_(maildrop), utf8_(utf8), offer_(offer), in_(in), out_(out) {}

  // Until QUIT, or the client's end. Then a line in the log, with this user.
  void run(std::string_view user);

 private:
  struct Verb {
    std::string_view name;
    Status (Pop3Session::*act)(const Pop3Command& command);
    enum class Argument : unsigned char { none, optional, needed } argument;
  };
  static const Verb verbs[];

  Status converse();
  Status command(const LineReader::Line& line);
  Status say(std::string_view line);
  Status refuse(std::string_view line);
  Message* find(std::string_view number);
  Result<std::uint64_t> octets_of(Message& message);
  Status send(Message& message, std::uint64_t lines);
  Status say_list_line(Message& message);
  std::string number_of(const Message& message) const;
  std::string uid_of(const Message& message) const;

  Status stat(const Pop3Command& command);
  Status list(const Pop3Command& command);
  Status retr(const Pop3Command& command);
  Status dele(const Pop3Command& command);
  Status noop(const Pop3Command& command);
  Status rset(const Pop3Command& command);
  Status quit(const Pop3Command& command);
  Status top(const Pop3Command& command);
  Status uidl(const Pop3Command& command);
  Status capa(const Pop3Command& command);
  Status lang(const Pop3Command& command);
  Status utf8(const Pop3Command& command);

  Maildrop& maildrop_;
  Utf8 utf8_;
  std::optional<LoginOffer> offer_;
  LineReader& in_;
  ResponseWriter& out_;
  bool is_over_ = false;
  unsigned bad_commands_ = 0;
  std::uint64_t retrieved_ = 0;
  std::uint64_t deleted_ = 0;  // at QUIT
  std::string why_ = "connection-closed";
};

}  // namespace postern
