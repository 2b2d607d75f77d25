#include "inject/command_line.h"

namespace postern {
namespace {

constexpr const char usage[] =
    "usage: inject [-aAhHnNv] [-f sender] [--dir directory] [recipient ...] with the message on descriptor 0; not an option:";

// The words of a command line, one after the other.
class Words {
 public:
  explicit Words(const std::vector<std::string_view>& words) : words_(words) {}
  bool is_over() const { return next_ == words_.size(); }
  std::string_view peek() const { return words_[next_]; }
  std::string_view take() { return words_[next_++]; }
  // The value of an option: what stands behind its letter, or the next word.
  Result<std::string_view> value(std::string_view behind, std::string_view option) {
    if (!behind.empty()) return behind;
    if (is_over()) return permanent("this option needs a value:", option);
    return take();
  }

 private:
  const std::vector<std::string_view>& words_;
  std::size_t next_ = 0;
};

Status take_letters(CommandLine& line, Words& words, std::string_view word) {
  for (std::size_t i = 1; i < word.size(); ++i) switch (word[i]) {
      case 'a':
        line.source = RecipientSource::arguments;
        break;
      case 'A':
        line.source = RecipientSource::arguments_else_header;
        break;
      case 'h':
        line.source = RecipientSource::header;
        break;
      case 'H':
        line.source = RecipientSource::both;
        break;
      case 'n':
        line.destination = Destination::standard_output;
        break;
      case 'N':
        line.destination = Destination::queue;
        break;
      case 'v':
        line.answer = Answer::queue_id;
        break;
      case 'f':  // "-f ''" is the null sender, so an empty next word counts
        line.sender = TRY(words.value(word.substr(i + 1), word));
        return Done{};
      default:
        return permanent(usage, word);
    }
  return Done{};
}

}  // namespace

Result<CommandLine> CommandLine::parse(const Args& args) {
  CommandLine line;
  if (auto const directory = args.variable("POSTERN_DIR"); directory && !directory->empty()) line.directory = *directory;
  Words words{args.arguments};
  while (!words.is_over() && words.peek().size() > 1 && words.peek().front() == '-') {
    std::string_view const word = words.take();
    if (word == "--") break;
    if (word == "--dir")
      line.directory = TRY(words.value({}, word));
    else if (word.starts_with("--dir="))
      line.directory = word.substr(6);
    else if (word.starts_with("--"))
      return permanent(usage, word);
    else
      TRY(take_letters(line, words, word));
  }
  while (!words.is_over()) line.recipients.push_back(words.take());
  return line;
}

}  // namespace postern
