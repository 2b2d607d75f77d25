// checker_protocol - how authd asks check-spawn and shadow-spawn, which ask programs with checkpassword's interface
//
// Records over run/check-spawn/s and run/shadow-spawn/s, for pn-auth: four bytes of length (big-endian, at most
// check_record_most), a letter, netstrings. Many questions may be under way on a connection; answers come as they are found.
//   authd    C  number, login, password, service, client, uid    of the mailbox that this login has
//   answer   Y  number, login                                    it is right, and whose it is: a Login
//            N  number                                           it is wrong
//            T  number, text                                     nobody can say now; the text is for the log
// Who is asked: authd asks where users/passwords has no hash for the login, is not told that it is disabled, and
// control/checkers has a line for it (lib/mail/checkers.h): shadow-spawn for the lines that say so, check-spawn for all the
// others, which it goes through in their order. A login without a mailbox in users/cdb is asked for nowhere. The mailbox is
// that of the login in the answer, in users/cdb.
#pragma once

#include <cstdint>
#include <string>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/core/wire.h"

namespace postern {

constexpr std::size_t check_record_most = 4096;

struct CheckQuestion {
  std::uint32_t number = 0;  // the asker's own
  std::string login;
  std::string password;
  std::string service;    // as AuthContext has it
  std::string client;     // likewise
  std::uint32_t uid = 0;  // never 0

  std::string encoded() const;
  static Result<CheckQuestion> parse(Wire body);
  friend bool operator==(const CheckQuestion&, const CheckQuestion&) = default;
};

struct CheckAnswer {
  enum class Kind : char { yes = 'Y', no = 'N', later = 'T' };
  Kind kind = Kind::later;
  std::uint32_t number = 0;
  std::string login;  // of yes
  std::string text;   // of later

  std::string encoded() const;
  static Result<CheckAnswer> parse(Wire body);
  friend bool operator==(const CheckAnswer&, const CheckAnswer&) = default;
};

// One question on a connection of its own: `service` is "check-spawn" or "shadow-spawn". Waits for the answer.
Result<CheckAnswer> ask_checker(std::string_view service, const CheckQuestion& question, Deadline deadline);

}  // namespace postern
