// transaction_port - keeps back what a transaction reports as long as another host may still do better
//
// As long as every recipient that was reported was deferred for the host's sake and the end of the message was not asked for,
// nothing was decided: the transaction can be had again elsewhere. The first report of any other kind lets all of them go.
#pragma once

#include <string>
#include <vector>

#include "remote/smtp_client.h"

namespace postern {

class TransactionPort final : public DeliveryPort {
 public:
  explicit TransactionPort(DeliveryPort& port) : port_(port) {}

  void report(std::uint32_t recipient, Outcome outcome, Blame blame, const std::string& text) override;
  bool may_finish() override;

  bool has_decided() const { return has_decided_; }
  void let_go();  // reports what was kept back

 private:
  struct Kept {
    std::uint32_t recipient;
    std::string text;
  };
  DeliveryPort& port_;
  std::vector<Kept> kept_;
  bool has_decided_ = false;
};

}  // namespace postern
