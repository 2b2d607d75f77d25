#include "dnsq/unbound_events.h"

#include <sys/time.h>

#include <type_traits>

namespace postern {
namespace {

using Callback = void (*)(int, short, void*);

struct LibraryEvent {
  ub_event event;  // first: libunbound knows this part
  Event own;
  short bits;
  Callback callback;
  void* argument;
};

LibraryEvent& of(ub_event* event) { return *reinterpret_cast<LibraryEvent*>(event); }

void fire(void* context, unsigned readiness) {
  LibraryEvent const& event = *static_cast<LibraryEvent*>(context);
  short bits = 0;
  if (readiness & is_readable) bits |= UB_EV_READ;
  if (readiness & is_writable) bits |= UB_EV_WRITE;
  bits = static_cast<short>(bits & event.bits);
  if (readiness & is_timed_out) bits |= UB_EV_TIMEOUT;
  if (bits != 0) event.callback(event.own.fd(), bits, event.argument);
}

std::optional<Milliseconds> wait_of(const timeval* time) {
  if (!time) return std::nullopt;
  return std::chrono::duration_cast<Milliseconds>(Seconds{time->tv_sec} + Microseconds{time->tv_usec});
}

int start(LibraryEvent& event, const timeval* time) {
  unsigned readiness = 0;
  if (event.bits & UB_EV_READ) readiness |= is_readable;
  if (event.bits & UB_EV_WRITE) readiness |= is_writable;
  return event.own.start(readiness, wait_of(time), event.bits & UB_EV_PERSIST) ? 0 : -1;
}

void add_bits(ub_event* event, short bits) { of(event).bits |= bits; }
void remove_bits(ub_event* event, short bits) { of(event).bits = static_cast<short>(of(event).bits & ~bits); }
void set_fd(ub_event* event, int fd) { of(event).own.set_fd(fd); }
void destroy(ub_event* event) { delete &of(event); }
int add(ub_event* event, timeval* time) { return start(of(event), time); }
int remove(ub_event* event) {
  of(event).own.stop();
  return 0;
}
int add_timer(ub_event* event, ub_event_base*, Callback callback, void* argument, timeval* time) {
  of(event).callback = callback;
  of(event).argument = argument;
  of(event).bits = UB_EV_TIMEOUT;
  return start(of(event), time);
}

// What libunbound never calls when its user runs the loop.
void nothing_to_free(ub_event_base*) {}
int cannot_dispatch(ub_event_base*) { return -1; }
int cannot_exit(ub_event_base*, timeval*) { return -1; }
ub_event* no_signal(ub_event_base*, int, Callback, void*) { return nullptr; }
ub_event* no_windows_event(ub_event_base*, void*, Callback, void*) { return nullptr; }
int add_no_signal(ub_event*, timeval*) { return -1; }
int remove_no_signal(ub_event*) { return -1; }
void not_on_windows(ub_event*) {}
void not_on_windows_either(ub_event*, int) {}

ub_event_vmt event_methods = {add_bits,      remove_bits,      set_fd,         destroy,
                              add,           remove,           add_timer,      remove,
                              add_no_signal, remove_no_signal, not_on_windows, not_on_windows_either};

ub_event* make_event(ub_event_base* base, int fd, short bits, Callback callback, void* argument) {
  EventLoop& loop = *reinterpret_cast<UnboundEvents::Base*>(base)->loop;
  auto* const event = new LibraryEvent{{UB_EVENT_MAGIC, &event_methods}, {loop, fd, fire, nullptr}, bits, callback, argument};
  event->own.set_action(fire, event);
  return &event->event;
}

ub_event_base_vmt base_methods = {nothing_to_free, cannot_dispatch, cannot_exit, make_event, no_signal, no_windows_event};

}  // namespace

UnboundEvents::UnboundEvents(EventLoop& loop) : base_{{UB_EVENT_MAGIC, &base_methods}, &loop} {}

}  // namespace postern
