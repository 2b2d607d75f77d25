// message_quota - how much one login may send: messages and recipients, by the hour and by the day
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/core/result.h"
#include "lib/net/count_client.h"
#include "lib/os/control.h"

namespace postern {

class MessageQuota {
 public:
  virtual ~MessageQuota() = default;
  // Counts one message with so many recipients. The reply that refuses it, or nothing.
  virtual std::string_view take(std::string_view login, std::size_t recipients) = 0;
  virtual void give_back() = 0;  // what the last take() counted, if anything: that message was not accepted
};

// The real one: countd remembers. Where it cannot be asked, messages pass uncounted, and the log says so.
class CountedQuota final : public MessageQuota {
 public:
  static Result<CountedQuota> read(const Control& control);
  std::string_view take(std::string_view login, std::size_t recipients) override;
  void give_back() override;

 private:
  bool count(CountRequest::Kind kind, std::string_view what, std::uint64_t amount);
  CountService countd_;
  CountLimits messages_;
  CountLimits recipients_;
  std::string login_;  // of the message that is counted
  std::uint64_t taken_messages_ = 0;
  std::uint64_t taken_recipients_ = 0;
};

}  // namespace postern
