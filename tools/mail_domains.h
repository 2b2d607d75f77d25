// mail_domains - the domains that this host has mailboxes for: control/locals and control/virtualdomains
//
// A local domain is one whose mailboxes have names without @; each mailbox is at each of them. Without the file, the only
// one is control/me. A line of virtualdomains is KEY:PREFIX, where KEY is a domain, .domain for all below it, user@domain,
// or nothing for all other domains; local names begin with PREFIX and a dash, and without a prefix mail goes elsewhere.
// An international domain stands there twice, as A-labels and in its own script: senders may write either.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/core/result.h"
#include "lib/mail/domain.h"
#include "lib/os/control.h"
#include "tools/control_lines.h"

namespace postern {

struct VirtualDomain {
  std::string key, prefix;  // lower case
};

class MailDomains {
 public:
  static Result<MailDomains> read(const Control& control);

  // Lower case, in the files' order. A domain in its own script is left out where its A-labels stand there too.
  std::vector<std::string> locals() const;
  std::vector<VirtualDomain> virtuals() const;

  // `name` is in A-labels from here on. Changes of one file; save() when they are made.
  void add_local(const Domain& name);
  void add_virtual(const Domain& name);
  bool remove_local(const Domain& name);  // false: it was not there
  bool remove_virtual(const Domain& name);
  Status save_locals(const Control& control) const { return locals_.save(control.directory()); }
  Status save_virtuals(const Control& control) const { return virtuals_.save(control.directory()); }

 private:
  MailDomains(std::string me, ControlLines locals, ControlLines virtuals)
      : me_(std::move(me)), locals_(std::move(locals)), virtuals_(std::move(virtuals)) {}
  std::string me_;
  ControlLines locals_;
  ControlLines virtuals_;
};

}  // namespace postern
