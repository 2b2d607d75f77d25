// Values of users/cdb of any bytes, and whole databases: never root's numbers, always an absolute home.
#include "lib/mail/users.h"

#include <cdb.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

using namespace postern;

namespace {

void check(const Mailbox& mailbox) {
  if (mailbox.uid == 0 || mailbox.gid == 0 || mailbox.home.empty() || mailbox.home.front() != '/') abort();
}

// A directory of this process, for databases.
struct Place {
  char path[32] = "/tmp/postern-fuzz-XXXXXX";
  Place() {
    if (!mkdtemp(path)) abort();
  }
  ~Place() {
    unlink((std::string{path} + "/cdb").c_str());
    rmdir(path);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view const text{reinterpret_cast<const char*>(data), size};
  if (auto const mailbox = Mailbox::parse(Wire{text})) check(*mailbox);

  static const Place place;
  auto const directory = Directory::open(place.path);
  if (!directory) return 0;
  (void)directory->unlink("cdb");
  {
    auto const file = directory->create_file("cdb", 0600);
    if (!file || write(file->number(), data, size) != static_cast<ssize_t>(size)) return 0;
  }
  auto const database = UsersDatabase::open(*directory);
  if (!database) return 0;
  for (std::string_view const name : {std::string_view{"alice"}, std::string_view{"alice-list"}, text.substr(0, 20)}) {
    auto const found = database->find(name);
    if (found && *found) check(**found);
  }
  return 0;
}
