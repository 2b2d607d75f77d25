#include "tools/desk_client.h"

#include "lib/net/record.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/socket.h"
#include "tools/queue_answers.h"

namespace postern {
namespace {

constexpr auto patience = Milliseconds{5'000};

// Its own words, as much of them as an Error holds.
Error told_error(const DeskAnswer& answer) {
  return Error{answer.numbers[0] != 0 ? Fate::permanent : Fate::temporary, "queue-desk:", answer.texts[0]};
}

}  // namespace

Result<DeskClient> DeskClient::connect() {
  auto socket = connect_stream(service_socket("queue-desk"));
  if (socket) return DeskClient{*std::move(socket), std::nullopt};
  int const why = socket.error().number();
  if (why == EACCES) return permanent("only root and members of the group pn-operators may ask", service_socket("queue-desk"));
  if (why != ENOENT && why != ECONNREFUSED) return socket.error();
  auto files = QueueView::open();
  if (!files && files.error().number() == EACCES) return permanent("queue-desk does not run, and only root can look without it");
  return DeskClient{Fd{}, TRY(std::move(files))};
}

Result<DeskAnswer> DeskClient::next() {
  char head[record_head];
  // A long queue takes its time; so does a service that is away, whose socket waits for it. The operator decides how long.
  if (!wait_readable(socket_.number(), Deadline::in(patience)) && !std::exchange(has_said_it_waits_, true))
    LogLine{"waiting"}.add("for", "queue-desk").write();
  TRY(read_exactly(socket_.number(), head));
  std::string body(TRY(desk_record_length(Wire{std::string_view{head, sizeof head}})), '\0');
  TRY(read_exactly(socket_.number(), body));
  return DeskAnswer::parse(Wire{body});
}

Result<DeskClient::End> DeskClient::ask_files(const DeskRequest& request, const std::function<Status(const DeskAnswer&)>& take) {
  if (!is_answered_from_files(request.verb))
    return temporary("queue-desk does not run, and queue-send is asked through it:", service_socket("queue-desk"));
  End end;
  TRY(answer_from_files(*files_, request, [&](const DeskAnswer& answer) -> Status {
    if (answer.kind != DeskAnswer::Kind::end) return take(answer);
    end = End{answer.numbers[0], answer.numbers[1]};
    return Done{};
  }));
  return end;
}

Result<DeskClient::End> DeskClient::ask(const DeskRequest& request, const std::function<Status(const DeskAnswer&)>& take) {
  if (files_) return ask_files(request, take);
  TRY(write_all(socket_.number(), request.encoded()));
  for (;;) {
    DeskAnswer const answer = TRY(next());
    if (answer.kind == DeskAnswer::Kind::end) return End{answer.numbers[0], answer.numbers[1]};
    if (answer.kind == DeskAnswer::Kind::error) return told_error(answer);
    TRY(take(answer));
  }
}

}  // namespace postern
