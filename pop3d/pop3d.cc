// pop3d - one POP3 session of a mailbox, from the login on
//
// run by   login, as the mailbox's uid, in its home; or a shell there
// fds      0 < client, in plain text   1 > client   2 > log
// files    reads and removes messages below ./Maildir, writes postern-uids and maildirsize there, and the file that FULL names
// starts   nothing
// exits    0 the session is over, however   111 the mailbox cannot be opened now
// see      pop3d(8)
//
// SPDX-License-Identifier: 0BSD
#include <memory>

#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/program.h"
#include "pop3d/pop3_session.h"

namespace postern {
namespace {

// RFC 2449 §8.1.1, RFC 3206 §4.
std::string_view refusal_for(const Error& error) {
  if (error.number() == EWOULDBLOCK) return "-ERR [IN-USE] Another session has this mailbox";
  if (is_missing(error)) return "-ERR [SYS/PERM] There is no Maildir in this mailbox";
  return "-ERR [SYS/TEMP] The mailbox cannot be opened now";
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  if (!args.arguments.empty())
    return permanent("usage: pop3d, without words, in a mailbox's home with a client on descriptors 0 and 1");
  Directory const home = TRY(Directory::open("."));
  auto full = OwnFullFlag::open(args.variable("FULL"));
  TRY(confine());
  ResponseWriter out{1};
  std::string_view const user = args.variable("USER").value_or("-");
  auto maildrop = Maildrop::open(home);
  if (!maildrop) {
    LogLine{"refused"}.add("user", user).add("error", maildrop.error().text()).write();
    out.line(refusal_for(maildrop.error()));
    TRY(out.flush());
    return maildrop.error().number() == EWOULDBLOCK ? Status{Done{}} : Status{maildrop.error()};
  }
  maildrop->tell_when_room(std::move(full));
  auto const in = std::make_unique<LineReader>(0);
  std::string_view const logins = args.variable("LOGINS").value_or("");
  Pop3Session session{*maildrop, args.variable("UTF8") ? Pop3Session::Utf8::yes : Pop3Session::Utf8::no,
                      logins.size() == 1 ? login_offer(logins.front()) : std::nullopt, *in, out};
  session.run(user);
  return Done{};
}
