// remote - deliver messages to one destination: find its hosts, connect, speak SMTP
//
// run by   remote-spawn, as pn-remote: `remote DESTINATION`; or by hand: `remote DESTINATION [INDEX]... < a queue file`
// fds      0 <> remote-spawn: transactions with the open queue file, outcomes back (lib/net/delivery_protocol.h)
//          1 > outcomes, a line a recipient, by hand   2 > log
// files    none once it is confined        starts  nothing
// exits    0 told to go (or all taken)   100 never (by hand), wrong arguments or settings   111 not now
// see      remote(8)
//
// Settings, the password for a smart host, this host's addresses and the connection with dnsqd are had before the first
// stranger's byte; from then on it can connect to one port and nothing else. TLS is tlsd's: a connection to it comes from
// remote-spawn when a host wants one, or was made beforehand when run by hand.
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>

#include "lib/core/number.h"
#include "lib/mail/smtp_routes.h"
#include "lib/os/confine.h"
#include "lib/os/io.h"
#include "lib/os/log.h"
#include "lib/os/program.h"
#include "remote/mail_courier.h"
#include "remote/spawn_record.h"
#include "remote/tls_door.h"

namespace postern {
namespace {

// Outcomes for remote-spawn. Without it nobody would hear that a message was taken, so none is finished.
class SpawnPort final : public DeliveryPort {
 public:
  explicit SpawnPort(const QueueId& id) : id_(id) {}

  void report(std::uint32_t recipient, Outcome outcome, Blame blame, const std::string& text) override {
    auto const written = write_all(0, DeliveryReport{outcome, {id_, recipient}, text, blame}.encoded());
    if (!written && heard_) heard_ = written.error();
  }
  bool may_finish() override {
    pollfd waiting{0, POLLIN, 0};  // it has nothing to say meanwhile
    int count = 0;
    while ((count = poll(&waiting, 1, 0)) < 0 && errno == EINTR) continue;
    if (count < 0) LogLine{"poll"}.add("error", system_error("poll").text()).write();
    return heard_ && count == 0;
  }
  const Status& heard() const { return heard_; }

 private:
  const QueueId& id_;
  Status heard_ = Done{};
};

class HandPort final : public DeliveryPort {
 public:
  void report(std::uint32_t recipient, Outcome outcome, Blame, const std::string& text) override {
    std::string line{static_cast<char>(outcome)};
    line += ' ' + decimal(recipient) + ' ' + record_text(text) + '\n';
    if (!write_all(1, line) || outcome == Outcome::deferred) is_later_ = true;
    if (outcome == Outcome::failed) is_never_ = true;
  }
  bool may_finish() override { return true; }

  int exit_code() const { return is_later_ ? 111 : is_never_ ? 100 : 0; }

 private:
  bool is_later_ = false;
  bool is_never_ = false;
};

void report_all(std::span<const std::uint32_t> recipients, DeliveryPort& port, const std::string& text) {
  for (std::uint32_t const recipient : recipients) port.report(recipient, Outcome::deferred, Blame::message, text);
}

// No index is all of them.
Status deliver(MailCourier& courier, int file, std::vector<std::uint32_t> recipients, DeliveryPort& port) {
  QueueFile const queued = TRY(read_queue_file(file));
  Envelope const envelope = TRY(Envelope::parse(Wire{queued.envelope_text}));
  if (recipients.empty())
    for (std::uint32_t index = 0; index < envelope.recipients.size(); ++index) recipients.push_back(index);
  for (std::uint32_t const recipient : recipients)
    if (recipient >= envelope.recipients.size()) return permanent("the envelope has no recipient", decimal(recipient));
  courier.deliver({file, queued.frame, envelope, recipients}, port);
  return Done{};
}

struct Work {
  std::string trouble;  // why nothing can be delivered; empty: it can
  MailCourier& courier;
  const HostConnector& connector;
};

// Nothing: remote-spawn has no more.
Result<std::optional<std::pair<RemoteRequest, Fd>>> next_request() {
  auto record = TRY(receive_record(0));
  if (!record) return std::optional<std::pair<RemoteRequest, Fd>>{};
  RemoteRequest request = TRY(RemoteRequest::parse(Wire{record->body}));
  if (!record->fd.is_open()) return permanent("a request without its message");
  return std::optional{std::pair{std::move(request), std::move(record->fd)}};
}

// Waits for remote-spawn, with an eye on the connection: what the other side says or does while nobody asks ends it.
void idle(MailCourier& courier) {
  for (;;) {
    std::array<pollfd, 2> waiting{{{0, POLLIN, 0}, {courier.socket(), POLLIN, 0}}};
    if (poll(waiting.data(), waiting.size(), -1) < 0) continue;
    if (waiting[1].revents != 0) courier.look();
    if (waiting[0].revents != 0) return;
  }
}

Status serve(Work& work) {
  for (;;) {
    idle(work.courier);
    auto const next = TRY(next_request());
    if (!next) return Done{};
    auto const& [request, file] = *next;
    SpawnPort port{request.id};
    if (!work.trouble.empty()) {
      report_all(request.recipients, port, work.trouble);
    } else if (auto const status = deliver(work.courier, file.number(), request.recipients, port); !status) {
      report_all(request.recipients, port, "4.3.0 " + status.error().text());
    }
    if (!port.heard()) return port.heard();  // else remote-spawn would wait for what was said already
    if (work.connector.has_lost_dns()) return temporary("dnsqd is gone");  // the next remote may find it again
  }
}

Status deliver_by_hand(Work& work, std::span<const std::string_view> words) {
  if (!work.trouble.empty()) return Error{Fate::temporary, "cannot deliver:", work.trouble};
  std::vector<std::uint32_t> recipients;
  for (std::string_view const word : words)
    recipients.push_back(static_cast<std::uint32_t>(TRY(parse_number(Wire{word}, 0xffffffffu))));
  HandPort port;
  TRY(deliver(work.courier, 0, std::move(recipients), port));
  work.courier.leave();
  exit_program(port.exit_code());
}

Result<std::optional<SmtpLogin>> login_of(const Control& control, const Destination& destination) {
  if (destination.user().empty()) return std::optional<SmtpLogin>{};
  return std::optional{SmtpLogin{destination.user(), TRY(SmtpRoutes::password(control, destination))}};
}

}  // namespace
}  // namespace postern

postern::Status program(postern::Args args) {
  using namespace postern;
  struct stat input {};
  if (fstat(0, &input) != 0) return system_error("look at descriptor 0");
  bool const is_by_hand = !S_ISSOCK(input.st_mode);
  if (args.arguments.empty() || (!is_by_hand && args.arguments.size() > 1))
    return permanent("usage: remote DESTINATION [INDEX]... < a queue file; remote-spawn starts it with a socket on descriptor 0");
  auto const destination = Destination::parse(Wire{args.arguments[0]});
  if (!destination)
    return permanent("usage: remote DESTINATION [INDEX]... < a queue file; this is no destination:", args.arguments[0]);
  Control const control = TRY(Control::open());
  RemoteSettings const settings = TRY(RemoteSettings::read(control));
  auto login = login_of(control, *destination);
  SpawnDoor spawn_door{0};
  ConnectedDoor own_door = is_by_hand ? ConnectedDoor::make() : ConnectedDoor{};
  TlsDoor& door = is_by_hand ? static_cast<TlsDoor&>(own_door) : spawn_door;
  HostConnector connector{*destination, settings, login ? *login : std::nullopt, door};
  std::array<std::uint16_t, 1> const ports{connector.port()};
  TRY(confine_with(ports));

  MailCourier courier{connector};
  Work work{login ? "" : "4.3.5 " + login.error().text(), courier, connector};
  return is_by_hand ? deliver_by_hand(work, std::span{args.arguments}.subspan(1)) : serve(work);
}
