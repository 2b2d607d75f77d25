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
// Removes home/Maildir.
Status remove_maildir(const std::string& home);
// Removes the home and all that is in it.
Status remove_home(const std::string& home);

}  // namespace postern
