// tls_parent - accepts askers and forks a process for each, which has all that was loaded and nothing of the other askers
//
// Unlike the pools of lib/os/service.h no process waits ahead of need: each has the certificates and ticket keys of the moment
// in which it began. Processes outlive the parent: when it ends, connections go on. They also have its memory's layout: after a
// few have crashed it ends, so that whoever crashes them learns nothing for a next try.
#pragma once

#include <sys/types.h>

#include <string_view>
#include <vector>

#include "lib/core/clock.h"
#include "lib/core/result.h"
#include "lib/os/fd.h"
#include "lib/os/listener.h"

namespace postern {

class TlsRole {
 public:
  virtual void serve(Fd asker) = 0;   // in the process of its own
  virtual bool hang_up() = 0;         // SIGHUP; false: the parent is to end
  virtual Deadline look_after() = 0;  // before each wait; when it wants to be asked again
  virtual bool is_over() const { return false; }

 protected:
  ~TlsRole() = default;
};

class TlsParent {
 public:
  TlsParent(TlsRole& role, std::vector<uid_t> askers) : role_(role), askers_(std::move(askers)) {}
  Status prepare();                     // before confine()
  Status run(std::string_view notify);  // until TERM; the listening socket is descriptor 0

 private:
  struct Child {
    pid_t pid;
    uid_t uid;
  };
  void accept_all();
  void start(Fd asker, uid_t uid);
  void reap();

  TlsRole& role_;
  std::vector<uid_t> askers_;
  std::vector<Child> children_;
  Fd signals_;
  unsigned crashed_ = 0;  // of them
  Listener listener_{0};
};

}  // namespace postern
