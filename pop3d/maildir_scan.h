// maildir_scan - the messages of a Maildir as one look at new/ and cur/ finds them, in little memory and without a stat
//
// What is no regular file, or has no message's name, is passed over. A message that is there twice, because somebody moves it
// while it is looked for, is there once.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lib/mail/maildir_name.h"
#include "lib/os/directory.h"

namespace postern {

struct Message {
  std::size_t name_at;  // in MaildirScan::names
  std::uint8_t name_length;
  std::uint8_t unique_length;  // of the name's first part
  bool is_in_cur;
  bool is_deleted = false;
  bool is_retrieved = false;
  bool has_new_size = false;  // its name does not say it yet
  bool is_sized = false;
  bool is_missing = false;  // the last look found it nowhere
  std::uint32_t uid = 0;
  std::uint64_t bytes = 0;
  std::uint64_t octets = 0;
};

class MaildirScan {
 public:
  static constexpr std::size_t most_messages = 500'000;

  // `inside` takes part in what is found: new/ is read first, since messages move from there to cur/.
  Status read(const Directory& new_folder, const Directory& cur);
  // In the order in which they came, as far as names tell: what is new to the list of UIDs gets its number in this order.
  void sort_by_age();
  void sort_by_unique();  // and drop what is there twice
  // Of messages sorted by unique: that one, or nothing.
  const Message* find(std::string_view unique) const;
  Message* find(std::string_view unique) { return const_cast<Message*>(std::as_const(*this).find(unique)); }
  // What each message is called now, by a newer look, sorted by unique. Numbers, sizes and marks stay.
  void take_names_of(const MaildirScan& newer);

  std::string_view name_of(const Message& message) const {
    return std::string_view{names_}.substr(message.name_at, message.name_length);
  }
  std::string_view unique_of(const Message& message) const {
    return std::string_view{names_}.substr(message.name_at, message.unique_length);
  }
  MaildirName parts_of(const Message& message) const;

  std::vector<Message>& messages() { return messages_; }
  const std::vector<Message>& messages() const { return messages_; }
  std::uint64_t passed_over() const { return passed_over_; }

 private:
  Status read_folder(const Directory& folder, bool is_cur);
  void reserve(std::uint64_t size);
  void add(std::string_view name, bool is_cur);

  std::string names_;
  std::vector<Message> messages_;
  std::uint64_t passed_over_ = 0;
};

}  // namespace postern
