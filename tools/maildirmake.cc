// maildirmake - make a Maildir
//
// run by   anybody, for a directory that is theirs
// fds      2>errors
// files    makes DIR, DIR/tmp, DIR/new and DIR/cur, 0700
// exits    0 done   100 it cannot be made like that   111 not now, try again
// see      maildirmake(1)
#include <unistd.h>

#include "lib/os/directory.h"
#include "lib/os/program.h"

namespace postern {
namespace {

struct Place {
  std::string parent;
  std::string name;
};

Result<Place> place_of(const Args& args) {
  if (args.arguments.size() != 1 || args.arguments[0].empty() || args.arguments[0].starts_with('-'))
    return permanent("usage: maildirmake DIR, a directory that is to be made");
  std::string_view path = args.arguments[0];
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  std::size_t const slash = path.rfind('/');
  std::string_view const name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") return permanent("this names no new directory:", path);
  if (slash == std::string_view::npos) return Place{".", std::string{name}};
  return Place{std::string{path.substr(0, slash + 1)}, std::string{name}};
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  Place const place = TRY(place_of(args));
  if (chdir(place.parent.c_str()) != 0) return Error{Fate::permanent, "enter", place.parent, errno};
  Directory const parent = TRY(Directory::open("."));
  TRY(confine());

  if (auto const made = parent.make_directory(place.name, 0700); !made) {
    if (made.error().number() == EEXIST) return permanent("there is something of that name already:", place.name);
    return made;
  }
  Directory const maildir = TRY(parent.open_directory(place.name));
  for (const char* const part : {"tmp", "new", "cur"}) TRY(maildir.make_directory(part, 0700));
  return Done{};
}
