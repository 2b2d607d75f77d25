// The lines of what is ready, and the jobs in them: every step takes the same time however long a line is.
#include "send/delivery_queues.h"

namespace postern {

bool Queues::is_same_run(Index a, Index b) const {
  return a != no_index && b != no_index && table_.job(a).message == table_.job(b).message;
}

// Two neighbours of one message belong to one run.
void Queues::join_runs(Index last_of_one, Index first_of_other) {
  if (!is_same_run(last_of_one, first_of_other)) return;
  Index const first = table_.job(last_of_one).other_end;
  Index const last = table_.job(first_of_other).other_end;
  table_.job(first).other_end = last;
  table_.job(last).other_end = first;
}

void Queues::append(Line& line, Index index) {
  Job& job = table_.job(index);
  job.next = no_index;
  job.previous = line.last;
  job.other_end = index;
  if (line.last == no_index) {
    line.first = index;
  } else {
    table_.job(line.last).next = index;
    join_runs(line.last, index);
  }
  line.last = index;
}

void Queues::prepend(Line& line, Index index) {
  Job& job = table_.job(index);
  job.previous = no_index;
  job.next = line.first;
  job.other_end = index;
  if (line.first == no_index) {
    line.last = index;
  } else {
    table_.job(line.first).previous = index;
    join_runs(index, line.first);
  }
  line.first = index;
}

void Queues::take_out(Line& line, Index index) {
  Job const job = table_.job(index);
  bool const begins_run = !is_same_run(job.previous, index);
  bool const ends_run = !is_same_run(index, job.next);
  if (begins_run != ends_run) {  // it was one of two ends: its neighbour is now
    Index const end = begins_run ? job.next : job.previous;
    table_.job(end).other_end = job.other_end;
    table_.job(job.other_end).other_end = end;
  }
  (job.previous == no_index ? line.first : table_.job(job.previous).next) = job.next;
  (job.next == no_index ? line.last : table_.job(job.next).previous) = job.previous;
  if (begins_run && ends_run) join_runs(job.previous, job.next);
}

void Queues::move_first_run_back(Line& line) {
  Index const first = line.first;
  Index const last = table_.job(first).other_end;
  if (last == line.last) return;
  line.first = table_.job(last).next;
  table_.job(line.first).previous = no_index;
  table_.job(line.last).next = first;
  table_.job(first).previous = line.last;
  table_.job(last).next = no_index;
  join_runs(std::exchange(line.last, last), first);
}

}  // namespace postern
