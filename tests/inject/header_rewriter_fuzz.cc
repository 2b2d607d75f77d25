// Messages of any bytes through inject's source and header rewriting: what leaves has no Bcc, is one header with all
// that RFC 5322 asks for, and rewriting it again changes nothing.
#include "inject/header_rewriter.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "inject/message_source.h"
#include "lib/mail/envelope.h"
#include "lib/mail/header.h"

using namespace postern;

namespace {

const SenderNames& names() {
  static const SenderNames read = [] {
    char path[] = "/tmp/postern-fuzz-XXXXXX";
    if (!mkdtemp(path)) abort();
    std::string const me = std::string{path} + "/me";
    int const file = open(me.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (write(file, "here.example\n", 13) != 13) abort();
    close(file);
    auto const control = Control::open(path);
    if (!control) abort();
    Args args;
    args.environment.emplace_back("QMAILNAME", "A \"name\"");
    auto found = SenderNames::read(args, *control);
    unlink(me.c_str());
    rmdir(path);
    if (!found) abort();
    return *std::move(found);
  }();
  return read;
}

// What a source makes of `bytes`; the body joined.
std::string read_all_of(MessageSource& source) {
  std::string body;
  for (;;) {
    auto const piece = source.next_body();
    if (!piece) abort();
    if (piece->empty()) return body;
    body += *piece;
  }
}

int file_of(std::string_view bytes) {
  static int const file = memfd_create("message", MFD_CLOEXEC);
  if (ftruncate(file, 0) != 0 || pwrite(file, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) abort();
  lseek(file, 0, SEEK_SET);
  return file;
}

bool is_one_of(const Field& field, std::initializer_list<std::string_view> wanted) {
  for (std::string_view const name : wanted)
    if (field.is(name)) return true;
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  MessageSource source{file_of({reinterpret_cast<const char*>(data), size})};
  if (!source.read_header(65536)) return 0;
  CommandLine line;
  line.source = RecipientSource::both;
  line.recipients = {"you"};
  MessageMoment const moment{WallTime{Microseconds{1'795'330'937'123'456}}, *QueueId::parse(Wire{"1j5q0g8v0abcdefgh0v"}), 7};
  auto const rewritten = rewrite_header(source.header(), line, names(), moment, 100);
  std::string const body = read_all_of(source);
  if (body.find("\r\n") != std::string::npos || (!body.empty() && body.back() != '\n')) {
    // "\r\r\n" leaves "\r\n": a lone CR in front of a line's end. Nothing else may.
    std::string_view const input{reinterpret_cast<const char*>(data), size};
    if (input.find("\r\r\n") == std::string_view::npos && !input.ends_with('\r')) abort();
  }
  if (!rewritten) return 0;

  HeaderReader reader{rewritten->text};
  bool has_date = false, has_id = false, has_from = false, has_to = false;
  while (auto const field = reader.next()) {
    if (is_one_of(*field, {"Bcc", "Resent-Bcc", "Return-Path", "Content-Length"})) abort();
    has_date |= is_one_of(*field, {"Date", "Resent-Date"});
    has_id |= is_one_of(*field, {"Message-ID", "Resent-Message-ID"});
    has_from |= is_one_of(*field, {"From", "Resent-From"});
    has_to |= is_one_of(*field, {"To", "Cc", "Resent-To", "Resent-Cc"});
  }
  if (reader.offset() != rewritten->text.size() || !has_date || !has_id || !has_from || !has_to) abort();
  if (rewritten->recipients.empty() || rewritten->recipients.size() > AddressList::most_addresses + 1) abort();
  auto const again = rewrite_header(rewritten->text, line, names(), moment, 100);
  if (!again || again->text != rewritten->text) abort();
  return 0;
}
