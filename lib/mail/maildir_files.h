// maildir_files - what lies in a folder of a Maildir, one name after the other, in no order and with no list of them
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/os/directory_entries.h"

namespace postern {

// Calls take(name) for every regular file whose name begins with no dot, until it says false; with the number of other things.
template <class Take>
Result<std::uint64_t> for_each_file(const Directory& folder, Take take) {
  std::uint64_t others = 0;
  TRY(for_each_entry(folder, [&](const dirent& entry) {
    std::string_view const name{entry.d_name};
    if (name.front() == '.') return true;
    bool is_file = entry.d_type == DT_REG;
    if (entry.d_type == DT_UNKNOWN) {  // file systems may leave that to a stat
      auto const status = folder.status_of(std::string{name});
      is_file = status && S_ISREG(status->st_mode);
    }
    if (!is_file) ++others;
    return !is_file || take(name);
  }));
  return others;
}

}  // namespace postern
