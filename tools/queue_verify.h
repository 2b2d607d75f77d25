// queue_verify - does everything in queue/ and state/ fit together: frames, checksums, envelopes, states, names, owners
//
// Others work on the files meanwhile: what is only on its way from one state to the next (doc/queue.md) is no finding.
#pragma once

#include "tools/queue_rows.h"

namespace postern {

// A finding for each thing that is wrong; the last answer is an E: messages looked at, findings.
Status verify(const QueueView& queue, const Tell& tell);

}  // namespace postern
