// desk_orders - operators' orders on their way from queue-desk to queue-send, and what became of each
#pragma once

#include "lib/net/order_protocol.h"
#include "tools/queue_answers.h"

namespace postern {

// Of every verb but list, count, show and verify; `uid` is the operator's. The last answer is an E.
Status answer_by_order(const QueueView& queue, const DeskRequest& request, std::uint32_t uid, const Tell& tell);

}  // namespace postern
