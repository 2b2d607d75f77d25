#include "lib/mail/quota.h"

#include "lib/core/number.h"

namespace postern {

Result<Quota> Quota::parse(Wire wire) {
  std::string_view const text = wire.bytes();
  std::size_t const colon = text.find(':');
  if (colon == std::string_view::npos) return permanent("a quota is bytes:messages, with 0 for no limit");
  Quota quota;
  quota.bytes = TRY(parse_number(Wire{text.substr(0, colon)}, largest_quota_bytes));
  quota.messages = TRY(parse_number(Wire{text.substr(colon + 1)}, most_quota_messages));
  return quota;
}

std::string Quota::encoded() const { return decimal(bytes) + ":" + decimal(messages); }

std::uint64_t MailboxUse::room(const Quota& quota) const {
  if (quota.messages != 0 && messages >= quota.messages) return 0;
  if (quota.bytes == 0) return largest_quota_bytes;
  return bytes < quota.bytes ? quota.bytes - bytes : 0;
}

bool MailboxUse::leaves_room(const Quota& quota, std::uint64_t size) const {
  std::uint64_t const left = room(quota);
  return left != 0 && size <= left;
}

}  // namespace postern
