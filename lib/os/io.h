// io - reading and writing descriptors: whole, or an error; interrupted calls go on, time-outs are errors
//
// Descriptors may be blocking or not: with a Deadline the wait is poll(2). Running into a deadline is a temporary
// error whose number() is ETIMEDOUT; a peer that closed is ECONNRESET where the caller needed more.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "lib/core/clock.h"
#include "lib/core/result.h"

namespace postern {

Status wait_readable(int fd, Deadline deadline);
Status wait_writable(int fd, Deadline deadline);

// Some bytes, at least one; 0 is end of file.
Result<std::size_t> read_some(int fd, std::span<char> room, Deadline deadline = Deadline::never());
Status read_exactly(int fd, std::span<char> room, Deadline deadline = Deadline::never());
Status write_all(int fd, std::string_view bytes, Deadline deadline = Deadline::never());
// Both pieces with as few calls as it takes.
Status write_all(int fd, std::string_view first, std::string_view second, Deadline deadline = Deadline::never());

// At a position of a file; a file that ends early is a permanent error.
Status pread_exactly(int fd, std::span<char> room, off_t at);
Status pwrite_all(int fd, std::string_view bytes, off_t at);
Status sync_file(int fd);  // fsync; a failed one must never be tried again (the kernel has forgotten the pages)
// The whole rest of a small file, or a permanent error when it holds more than `most` bytes.
Result<std::string> read_all(int fd, std::size_t most);

// fstat(2), for who may look at descriptors but at no path: libc's own asks by a path, an empty one.
Result<struct stat> status_of(int fd);

Status set_nonblocking(int fd);

}  // namespace postern
