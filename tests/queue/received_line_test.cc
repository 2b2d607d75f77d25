#include "queue/received_line.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {

std::string line_for(std::string helo, std::string client) {
  Envelope envelope;
  envelope.origin = Origin::inbound;
  envelope.protocol = "ESMTP";
  envelope.helo = std::move(helo);
  envelope.client = std::move(client);
  return received_line(envelope, *QueueId::parse(Wire{"1j0r0svh0aphv5ce8o1"}), "here.example",
                       WallTime{Microseconds{1'795'331'686'000'000}});
}

}  // namespace

TEST_CASE("a Received line names the client, us, the protocol, the ID and the date") {
  CHECK(line_for("client.example", "192.0.2.7") ==
        "Received: from client.example ([192.0.2.7])\n  by here.example (Postern) with ESMTP\n  id 1j0r0svh0aphv5ce8o1; Sun, 22 "
        "Nov 2026 07:14:46 +0000\n");
  CHECK(line_for("x", "2001:db8::1").find("from x ([IPv6:2001:db8::1])\n") != std::string::npos);
  CHECK(line_for("", "").find("from unknown\n") != std::string::npos);
}

TEST_CASE("a Received line tells protocol and cipher of TLS, and of a submission no address unless asked") {
  Envelope envelope;
  envelope.origin = Origin::submission;
  envelope.protocol = "ESMTPSA";
  envelope.login = "alice";
  envelope.tls = "TLSv1.3 TLS_AES_256_GCM_SHA384)\nx";
  QueueId const id = *QueueId::parse(Wire{"1j0r0svh0aphv5ce8o1"});
  CHECK(received_line(envelope, id, "here.example", WallTime{})
            .starts_with("Received: by here.example (Postern) with ESMTPSA (TLSv1.3 TLS_AES_256_GCM_SHA384??x)\n  id 1j"));
  envelope.helo = "[10.0.0.1]";
  envelope.client = "192.0.2.7";
  CHECK(received_line(envelope, id, "here.example", WallTime{})
            .starts_with("Received: from [10.0.0.1] ([192.0.2.7])\n  by here.example (Postern) with ESMTPSA (TLS"));
}

TEST_CASE("what a client calls itself cannot end a comment, a field or the header") {
  for (int byte = 0; byte < 256; ++byte) {
    std::string const line = line_for(std::string(1, static_cast<char>(byte)) + ") (x; \r\n\nBcc: you", "192.0.2.7");
    CAPTURE(byte);
    CHECK(are_header_lines(line));
    CHECK(line.find("\nBcc") == std::string::npos);
    CHECK(line.find(") (x") == std::string::npos);
  }
}

TEST_CASE("a local user's message names the uid, a bounce says so") {
  Envelope envelope;
  envelope.injector = 1000;
  QueueId const id = *QueueId::parse(Wire{"1j0r0svh0aphv5ce8o1"});
  CHECK(received_line(envelope, id, "here.example", WallTime{})
            .starts_with("Received: by here.example (Postern, from uid 1000)\n"));
  envelope.origin = Origin::bounce;
  CHECK(received_line(envelope, id, "here.example", WallTime{}).starts_with("Received: by here.example (Postern, bounce)\n"));
}
