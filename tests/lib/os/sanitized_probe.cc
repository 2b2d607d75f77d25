// Built with the sanitizers by confine_check.py: confines itself to the row of smtpd, then makes the mistake that it is told to.
#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "lib/os/confine.h"

namespace postern {
extern const std::string_view program_name;
const std::string_view program_name = "sanitized_probe";
}  // namespace postern

using namespace postern;

int main(int count, char** words) {
  static constexpr Filter filter = make_filter(row_of("smtpd").promises);
  if (count != 2 || !confine_to(row_of("smtpd"), filter)) return 99;
  std::string_view const mistake = words[1];
  volatile int number = INT_MAX;
  char* volatile room = static_cast<char*>(malloc(16));
  if (!room) return 98;
  if (mistake == "overflow") room[16] = 'x';
  if (mistake == "arithmetic") number = number + 1;
  if (mistake == "forbidden") return chroot("/");
  free(room);
  return 0;
}
