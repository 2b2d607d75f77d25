#include "queue/message_file.h"

#include <catch2/catch.hpp>
#include <stdlib.h>
#include <unistd.h>

#include "lib/core/crc32c.h"
#include "lib/os/io.h"

using namespace postern;

namespace {

struct QueueFolder {
  QueueFolder() {
    char pattern[] = "/tmp/postern-test-XXXXXX";
    path = mkdtemp(pattern);
    Directory const root = *Directory::open(path);
    REQUIRE(root.make_directory("tmp", 0700));
    REQUIRE(root.make_directory("todo", 0700));
    Directory const todo = *Directory::open(path + "/todo");
    for (unsigned i = 0; i < QueueId::directories; ++i) REQUIRE(todo.make_directory(QueueId::directory_name(i), 0700));
  }
  ~QueueFolder() { REQUIRE(system(("rm -rf " + path).c_str()) == 0); }
  Directory tmp() const { return *Directory::open(path + "/tmp"); }
  Directory todo() const { return *Directory::open(path + "/todo"); }
  std::string path;
};

}  // namespace

TEST_CASE("a committed message is one file that says of itself that it is whole") {
  QueueFolder const folder;
  Directory const tmp = folder.tmp();
  Directory const todo = folder.todo();
  QueueId const id = [&] {
    auto file = *MessageFile::create(tmp);
    REQUIRE(file.add("Subject: x\n"));
    REQUIRE(file.add("\nbody\n"));
    CHECK(file.length() == 17);
    REQUIRE(file.commit(todo, "the envelope"));
    return file.id();
  }();
  CHECK(tmp.names()->empty());
  Fd const queued = *todo.open_file(id.directory() + "/" + id.text());
  auto const read = read_queue_file(queued.number());
  REQUIRE(read);
  CHECK(read->envelope_text == "the envelope");
  CHECK(read->frame.message_length == 17);
  CHECK(read->frame.message_crc == crc32c(0, "Subject: x\n\nbody\n"));
  struct stat status {};
  REQUIRE(fstat(queued.number(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0640);
}

TEST_CASE("a message that is not committed leaves no trace") {
  QueueFolder const folder;
  Directory const tmp = folder.tmp();
  {
    auto file = *MessageFile::create(tmp);
    REQUIRE(file.add("half of a mess"));
    CHECK(tmp.names()->size() == 1);
    MessageFile const moved = std::move(file);
    CHECK(tmp.names()->size() == 1);
  }
  CHECK(tmp.names()->empty());
}
