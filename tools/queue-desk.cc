// queue-desk - let operators see and steer the queue without being root
//
// run by   its s6 service, as pn-desk; asked by the tool queue, which members of the group pn-operators run
// fds      0 listening socket (lib/net/desk_protocol.h)   2 > log
// files    reads queue/todo/XX/ID, queue/broken/ID, state/XX/ID; changes nothing
// starts   nothing; forks itself for its clients; asks queue-send to hold, release, delete, flush, pause and resume
// exits    0 told to stop   100 a setting is wrong   111 system trouble
// see      queue-desk(8), queue(8)
#include "lib/core/number.h"
#include "lib/net/record.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/program.h"
#include "lib/os/service.h"
#include "tools/desk_orders.h"

namespace postern {
namespace {

constexpr ServicePool pool{.most_clients = 32, .spare = 1, .most_per_uid = 16, .clients_per_process = 1};
constexpr auto request_wait = Milliseconds{10'000};  // for the rest of a request that has begun
constexpr auto answer_wait = Milliseconds{300'000};  // a person may be paging through the answer
constexpr std::size_t answers_at_once = 65'536;

// Answers on their way to a client, a piece at a time.
class AnswerStream {
 public:
  explicit AnswerStream(int fd) : fd_(fd) {}
  Status add(const DeskAnswer& answer) {
    text_ += answer.encoded();
    return text_.size() < answers_at_once ? Status{Done{}} : flush();
  }
  Status flush() {
    TRY(write_all(fd_, text_, Deadline::in(answer_wait)));
    text_.clear();
    return Done{};
  }

 private:
  int fd_;
  std::string text_;
};

Result<std::optional<DeskRequest>> read_request(const Client& client) {
  if (!TRY(client.wait_for_request(Deadline::never()))) return std::optional<DeskRequest>{};
  Deadline const deadline = Deadline::in(request_wait);
  char head[record_head];
  std::size_t const got = TRY(read_some(client.fd(), head, deadline));
  if (got == 0) return std::optional<DeskRequest>{};
  TRY(read_exactly(client.fd(), std::span{head}.subspan(got), deadline));
  std::string body(TRY(desk_record_length(Wire{std::string_view{head, sizeof head}})), '\0');
  TRY(read_exactly(client.fd(), body, deadline));
  return std::optional{TRY(DeskRequest::parse(Wire{body}))};
}

// False: no more come. What is wrong with a request is its client's to know, and the connection goes on.
Result<bool> serve_one(const QueueView& queue, const Client& client) {
  auto const request = TRY(read_request(client));
  if (!request) return false;
  LogLine{"request"}
      .add("uid", std::uint64_t{client.peer().uid})
      .add("verb", std::string{static_cast<char>(request->verb)})
      .add("ids", std::uint64_t{request->selection.ids.size()})
      .write();
  AnswerStream answers{client.fd()};
  Tell const tell = [&answers](const DeskAnswer& answer) { return answers.add(answer); };
  auto const told = is_answered_from_files(request->verb) ? answer_from_files(queue, *request, tell)
                                                          : answer_by_order(queue, *request, client.peer().uid, tell);
  if (!told) TRY(answers.add(error_answer(told.error())));
  TRY(answers.flush());
  return true;
}

void serve(Client& client, void* context) {
  const auto& queue = *static_cast<const QueueView*>(context);
  for (;;) {
    auto const goes_on = serve_one(queue, client);
    if (!goes_on) LogLine{"refused"}.add("uid", std::uint64_t{client.peer().uid}).add("error", goes_on.error().text()).write();
    if (!goes_on || !*goes_on) return;
  }
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  if (!args.arguments.empty()) return permanent("usage: queue-desk, without words, with a listening socket on descriptor 0");
  TRY(check_service(ServiceSocket::listening));
  QueueView queue = TRY(QueueView::open());
  TRY(confine());
  return serve_clients(pool, args.variable("NOTIFY").value_or(""), serve, &queue);
}
