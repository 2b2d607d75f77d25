// user_home - a mailbox's home and Maildir, made and removed by root in a place where its owner may be at work
//
// Below the home nothing follows a symbolic link and nothing is named by more than one step, so whatever the owner puts
// there while we work, only the owner's own files are touched.
#pragma once

#include <string>

#include "lib/core/result.h"
#include "lib/mail/users.h"

namespace postern {

// Makes what is missing above a home: root's, 0711. The path is the operator's word.
Status make_parents(const std::string& home);
// Makes home (0700) and Maildir/{tmp,new,cur} as the mailbox's own; what is there already must be its own. An empty home
// that a removed mailbox left behind is replaced.
Status make_home(const Mailbox& mailbox);
// What stands in the way of another place for a home, before anything is changed. An empty home that a removed mailbox left
// there is removed. An error: something else lies there.
enum class Move : unsigned char { possible, done, of_another_file_system };  // done: also when there is no home
Result<Move> look_at_move(const Mailbox& mailbox, const std::string& new_home);
// Moves it if it is not moved yet, and makes that last.
Status move_home(const std::string& home, const std::string& new_home, Move move);
// Removes home/Maildir.
Status remove_maildir(const std::string& home);
// Removes the home and all that is in it.
Status remove_home(const std::string& home);

}  // namespace postern
