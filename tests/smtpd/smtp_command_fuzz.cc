// Fuzz target of smtpd/smtp_command and command_words: any line; what is accepted is fit for an envelope.
#include <stdlib.h>

#include <cstddef>
#include <cstdint>

#include "lib/core/ascii.h"
#include "lib/mail/envelope.h"
#include "smtpd/command_words.h"
#include "smtpd/smtp_command.h"

using namespace postern;

namespace {

void require(bool holds) {
  if (!holds) abort();
}

// A refusal is a reply: three digits, a space, an enhanced code of the same class.
template <class T>
void require_reply(const Result<T>& result) {
  if (result) return;
  std::string_view const reply = result.error().what();
  require(reply.size() > 10 && reply[0] == '5' && reply[3] == ' ' && reply[4] == '5' && reply[5] == '.' && reply[7] == '.');
}

void require_envelope(const Envelope& envelope) {
  auto const parsed = Envelope::parse(Wire{std::string_view{envelope.encoded()}});
  require(parsed.has_value());
  require(parsed->sender == envelope.sender && parsed->envid == envelope.envid && parsed->ret == envelope.ret);
  require(parsed->recipients.size() == 1 && parsed->recipients[0].original == envelope.recipients[0].original);
  require(parsed->recipients[0].notify == envelope.recipients[0].notify);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view const line{reinterpret_cast<const char*>(data), size};
  auto const words = CommandLine::parse(Wire{line});
  require_reply(words);
  std::string_view const argument = words ? words->argument : line;

  Envelope envelope;
  envelope.recipients.push_back(Recipient{*Address::parse(Wire{std::string_view{"bob@here.example"}}), 0, {}, 0});
  auto const mail = MailCommand::parse(Wire{argument});
  require_reply(mail);
  if (mail) {
    require(mail->is_utf8 || mail->sender.is_ascii());
    envelope.sender = mail->sender;
    envelope.envid = mail->envid;
    envelope.ret = mail->ret;
    require_envelope(envelope);
  }
  for (bool const is_utf8 : {false, true}) {
    auto const rcpt = RcptCommand::parse(Wire{argument}, is_utf8);
    require_reply(rcpt);
    if (!rcpt) continue;
    if (rcpt->address) {
      require(is_utf8 || rcpt->address->is_ascii());
      envelope.recipients[0].address = *rcpt->address;
    }
    envelope.recipients[0].notify = rcpt->notify;
    envelope.recipients[0].original = rcpt->original;
    require(is_utf8 || is_all_ascii(rcpt->original));
    require_envelope(envelope);
  }
  require_reply(BdatCommand::parse(Wire{argument}));
  return 0;
}
