// unbound_events - libunbound's idea of an event loop (unbound-event.h), on top of ours
#pragma once

#include <unbound-event.h>

#include "dnsq/event_loop.h"

namespace postern {

class UnboundEvents {
 public:
  explicit UnboundEvents(EventLoop& loop);
  UnboundEvents(const UnboundEvents&) = delete;
  UnboundEvents& operator=(const UnboundEvents&) = delete;
  ub_event_base* base() { return &base_.base; }

  struct Base {
    ub_event_base base;  // first: libunbound knows this part
    EventLoop* loop;
  };

 private:
  Base base_;
};

}  // namespace postern
