// spawn - start one program as somebody: it gets the descriptors, words and environment listed here and nothing else
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "lib/core/result.h"
#include "lib/os/account.h"
#include "lib/os/fd.h"

namespace postern {

class Spawn {
 public:
  explicit Spawn(std::string path) { words_.push_back(std::move(path)); }

  Spawn& argument(std::string word);
  Spawn& variable(std::string_view name, std::string_view value);
  Spawn& give(int number, int fd);   // `fd` becomes `number` in the child; 0, 1 and 2 not given stay as they are
  Spawn& as(Uid uid, Gid gid);       // no supplementary groups
  Spawn& in(std::string directory);  // entered after becoming the user
  Spawn& alone();                    // in a session of its own: a signal to that group reaches what it starts too
  // The child's pid, or what kept it from being the program.
  Result<pid_t> start() const;

 private:
  enum class Step { none, descriptors, user, directory, program };
  struct Given {
    int number;
    int fd;
  };
  Result<std::vector<Given>> apart(std::vector<Fd>& moved) const;
  Step become(char* const* words, char* const* environment, const std::vector<Given>& given) const;
  Error error_of(Step step, int number) const;

  std::vector<std::string> words_;
  std::vector<std::string> environment_;
  std::vector<Given> given_;
  std::string directory_;
  bool becomes_ = false;
  bool is_alone_ = false;
  uid_t uid_ = 0;
  gid_t gid_ = 0;
};

// Takes the ends of children, and writes a line for each that failed.
void reap_children();

}  // namespace postern
