// moved_clock - a library that is loaded before a program's own (LD_PRELOAD): its clocks are ahead by what a file says
//
// MOVED_CLOCK names the file: eight bytes, milliseconds, little-endian. It is mapped before the program begins, so that no filter
// and no rule about paths is in its way, and read with each look at a clock. Only what sleeps in the kernel sleeps on: wake it.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

namespace {

using ClockGettime = int (*)(clockid_t, timespec*);
const volatile int64_t* ahead = nullptr;
ClockGettime real = nullptr;

[[gnu::constructor]] void begin() {
  real = reinterpret_cast<ClockGettime>(dlsym(RTLD_NEXT, "clock_gettime"));
  const char* const name = getenv("MOVED_CLOCK");
  int const file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
  void* const mapped = mmap(nullptr, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
  if (!real || mapped == MAP_FAILED) abort();
  ahead = static_cast<const int64_t*>(mapped);
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  int const result = real(clock, now);
  bool const is_moved = clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC;
  if (result != 0 || !is_moved) return result;
  int64_t const milliseconds = *ahead;
  now->tv_sec += milliseconds / 1000;
  now->tv_nsec += milliseconds % 1000 * 1'000'000;
  if (now->tv_nsec >= 1'000'000'000) {
    ++now->tv_sec;
    now->tv_nsec -= 1'000'000'000;
  }
  return result;
}

extern "C" time_t time(time_t* result) noexcept {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (result) *result = now.tv_sec;
  return now.tv_sec;
}

extern "C" int gettimeofday(timeval* result, void*) noexcept {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  *result = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}
