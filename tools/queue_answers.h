// queue_answers - what an operator is told of the queue: lists, one message, what does not fit together
//
// Everything comes out of the files while others work on them; nothing is changed.
#pragma once

#include "tools/queue_rows.h"
#include "tools/queue_selection.h"

namespace postern {

// Gives each chosen message to `act`. IDs that are nowhere go to `miss`.
Status for_each_chosen(const QueueView& queue, const Selection& selection, const std::function<Status(const QueuedMessage&)>& act,
                       const std::function<Status(const QueueId&)>& miss);

bool is_answered_from_files(DeskVerb verb);
// Of those verbs; the last answer is an E.
Status answer_from_files(const QueueView& queue, const DeskRequest& request, const Tell& tell);

DeskAnswer end_answer(std::uint64_t messages, std::uint64_t problems = 0);
DeskAnswer error_answer(const Error& error);

}  // namespace postern
