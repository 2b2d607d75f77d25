#include "remote/body_plan.h"

#include <optional>

#include "lib/core/ascii.h"
#include "lib/mail/header.h"
#include "remote/content_type.h"
#include "remote/message_traits.h"

namespace postern {
namespace {

constexpr std::string_view encoding_field = "Content-Transfer-Encoding";
constexpr std::size_t longest_field = 65'536;  // that is taken apart

// What a header says of what stands below it.
struct Entity {
  std::size_t step = 0;  // its header's
  bool is_message = false;
  ContentType type;
  std::string encoding;  // lower case; empty is 7bit
  bool has_type = false;
  bool has_encoding = false;
  bool has_version = false;

  bool is_identity() const { return encoding.empty() || encoding == "7bit" || encoding == "8bit" || encoding == "binary"; }
};

struct BoundaryLine {
  std::size_t level;
  bool is_last;
};

// Walks through a message from its first byte to its last and writes down what to do.
class Planner {
 public:
  Planner(std::string_view text, EightBit eight_bit) : text_(text) { plan_.eight_bit = eight_bit; }
  Result<BodyPlan> plan();

 private:
  struct Level {
    std::string boundary;
    bool is_signed;
    bool is_digest;
  };

  Status take_entities(bool is_message);
  Result<Entity> take_header(bool is_message);
  Status read_field(Entity& entity, const Field& field) const;
  Status take_leaf(Entity& entity);
  Status take_masked();
  Status take_boundary(const BoundaryLine& boundary);
  Status add_step(std::size_t end, Treatment treatment);
  void relabel(const Entity& entity, std::string_view encoding, std::string_view content);
  void relabel_composite(const Entity& entity);
  std::optional<BoundaryLine> boundary_at(std::size_t at) const;
  std::size_t content_end() const;
  bool is_unfit(const TextTraits& traits) const {
    return !traits.is_sound() || (traits.has_eight_bit && plan_.eight_bit == EightBit::unfit);
  }
  bool is_signed() const;

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Level> levels_;
  BodyPlan plan_;
};

Error is_signed_error() {
  return permanent("5.6.3 it is signed, and would have to be converted for this host, which breaks the signature");
}

bool Planner::is_signed() const {
  for (const Level& level : levels_)
    if (level.is_signed) return true;
  return false;
}

Status Planner::add_step(std::size_t end, Treatment treatment) {
  if (plan_.steps.size() == BodyPlan::most_steps) return permanent("5.6.3 it has too many parts to be converted for this host");
  plan_.steps.push_back({end, treatment});
  at_ = end;
  return Done{};
}

// RFC 2046 §5.1.1: the boundary need only begin the line. Of several that do, the one that is the whole line, then the innermost.
std::optional<BoundaryLine> Planner::boundary_at(std::size_t at) const {
  if (!text_.substr(at).starts_with("--")) return std::nullopt;
  std::string_view const line = text_.substr(at + 2, text_.find('\n', at) - at - 2);
  for (bool const is_exact : {true, false}) {
    for (std::size_t level = levels_.size(); level-- > 0;) {
      if (!line.starts_with(levels_[level].boundary)) continue;
      std::string_view tail = line.substr(levels_[level].boundary.size());
      bool const is_last = tail.starts_with("--");
      if (is_last) tail.remove_prefix(2);
      if (!is_exact || trimmed(tail).empty()) return BoundaryLine{level, is_last};
    }
  }
  return std::nullopt;
}

// Where what begins here ends: in front of the next boundary, or with the message.
std::size_t Planner::content_end() const {
  if (levels_.empty()) return text_.size();
  for (std::size_t line = at_; line < text_.size();) {
    if (boundary_at(line)) return line;
    std::size_t const end = text_.find('\n', line);
    if (end == std::string_view::npos) break;
    line = end + 1;
  }
  return text_.size();
}

Status Planner::read_field(Entity& entity, const Field& field) const {
  bool const counts = field.is("Content-Type") || field.is(encoding_field);
  if (counts && field.body().size() > longest_field)
    return permanent("5.6.3 it would have to be converted for this host, and a field of it is too long");
  if (field.is("MIME-Version")) entity.has_version = true;
  if (field.is("Content-Type")) {
    if (entity.has_type) return permanent("5.6.3 it would have to be converted for this host, and has two content types");
    entity.has_type = true;
    std::string const body = field.unfolded();
    if (auto type = ContentType::parse(Wire{body})) entity.type = *std::move(type);
  }
  if (field.is(encoding_field)) {
    if (entity.has_encoding) return permanent("5.6.3 it would have to be converted for this host, and has two encodings");
    entity.has_encoding = true;
    std::string const body = to_lower(field.unfolded());
    entity.encoding = body.substr(0, body.find_first_of(" \t;("));
  }
  return Done{};
}

// Fields and the empty line behind them.
Result<Entity> Planner::take_header(bool is_message) {
  Entity entity;
  entity.is_message = is_message;
  entity.step = plan_.steps.size();
  HeaderReader reader{text_.substr(at_)};
  while (!boundary_at(at_ + reader.offset())) {
    auto const field = reader.next();
    if (!field) break;
    TRY(read_field(entity, *field));
  }
  if (!is_message && !entity.has_type && levels_.back().is_digest) entity.type = {"message", "rfc822", {}};  // RFC 2046 §5.1.5
  std::size_t const end = at_ + reader.offset();
  std::string_view const header = text_.substr(at_, end - at_);
  TextTraits const traits = TextTraits::of(header);
  plan_.has_eight_bit_field |= traits.has_eight_bit;
  if (traits.has_eight_bit && plan_.eight_bit == EightBit::unfit)
    return permanent("5.6.3 its header holds 8-bit text, which this host does not take");
  if (traits.has_stray) return permanent("5.6.0 its header holds CR or NUL");
  if (traits.has_long_line && !can_be_folded(header)) return permanent("5.6.0 its header has a line of more than 998 bytes");
  if (traits.has_long_line && is_signed()) return is_signed_error();
  bool const has_empty_line = end < text_.size() && text_[end] == '\n';
  TRY(add_step(end + (has_empty_line ? 1 : 0), traits.has_long_line ? Treatment::fields : Treatment::as_it_is));
  return entity;
}

// Says in its header how it is encoded now; a message that said nothing of MIME says what it must.
void Planner::relabel(const Entity& entity, std::string_view encoding, std::string_view content) {
  BodyStep& step = plan_.steps[entity.step];
  step.treatment = Treatment::fields;
  if (entity.is_message && !entity.has_version) step.added += "MIME-Version: 1.0\n";
  if (entity.is_message && !entity.has_type && !is_all_ascii(content)) {  // RFC 1428 §3 where nobody knows what it is
    step.added += "Content-Type: text/plain; charset=";
    step.added += is_valid_utf8(content) ? "utf-8\n" : "unknown-8bit\n";
  }
  step.added += encoding_field;
  step.added += ": ";
  step.added += encoding;
  step.added += '\n';
}

// What is not encoded: its label says no more than the parts below it hold once they are converted.
void Planner::relabel_composite(const Entity& entity) {
  bool const is_unfit = plan_.eight_bit == EightBit::unfit && (entity.encoding == "8bit" || entity.encoding == "binary");
  if (is_signed()) return;
  if (is_unfit)
    relabel(entity, "7bit", {});
  else if (entity.encoding == "binary")
    relabel(entity, "8bit", {});
}

Status Planner::take_leaf(Entity& entity) {
  std::size_t const end = content_end();
  std::string_view const content = text_.substr(at_, end - at_);
  TextTraits const traits = TextTraits::of(content);
  bool const is_opaque = entity.type.is_multipart() || entity.type.is_message() || entity.type.is_fixed();  // never encoded
  if (!is_unfit(traits)) {
    if (entity.is_identity()) relabel_composite(entity);
    return add_step(end, Treatment::as_it_is);
  }
  if (is_signed()) return is_signed_error();
  if (is_opaque) return permanent("5.6.3 it would have to be converted for this host, and a part of it cannot be");
  if (entity.is_identity()) {
    relabel(entity, "quoted-printable", content);
    return add_step(end, Treatment::quoted_printable);
  }
  if (entity.encoding == "quoted-printable") return add_step(end, Treatment::mended);
  if (entity.encoding == "base64" && is_base64_that_can_be_cut(content)) return add_step(end, Treatment::cut_base64);
  return permanent("5.6.3 it would have to be converted for this host, and its encoding cannot be");
}

// Text that belongs to no part.
Status Planner::take_masked() {
  std::size_t const end = content_end();
  bool const has_trouble = is_unfit(TextTraits::of(text_.substr(at_, end - at_)));
  if (has_trouble && is_signed()) return is_signed_error();
  return add_step(end, has_trouble ? Treatment::masked : Treatment::as_it_is);
}

// A header, what it says is below it, and so on down to the first content that is no header.
Status Planner::take_entities(bool is_message) {
  for (;;) {
    Entity entity = TRY(take_header(is_message));
    if (entity.type.is_multipart() && entity.is_identity() && !entity.type.boundary.empty()) {
      relabel_composite(entity);
      if (levels_.size() == BodyPlan::most_levels)
        return permanent("5.6.3 its parts are nested too deep to be converted for this host");
      levels_.push_back({entity.type.boundary, entity.type.is_signed(), entity.type.subtype == "digest"});
      return take_masked();
    }
    if (!entity.type.is_message() || !entity.is_identity()) return take_leaf(entity);
    relabel_composite(entity);
    is_message = true;
  }
}

Status Planner::take_boundary(const BoundaryLine& boundary) {
  levels_.resize(boundary.level + 1);
  if (boundary.is_last) levels_.pop_back();
  std::size_t const line_end = text_.find('\n', at_);
  std::size_t const end = line_end == std::string_view::npos ? text_.size() : line_end + 1;
  if (is_unfit(TextTraits::of(text_.substr(at_, end - at_))))
    return permanent("5.6.3 it would have to be converted for this host, and a boundary of it cannot be");
  return add_step(end, Treatment::as_it_is);
}

Result<BodyPlan> Planner::plan() {
  TRY(take_entities(true));
  while (at_ < text_.size()) {
    auto const boundary = boundary_at(at_);
    if (!boundary) return permanent("5.6.3 it cannot be converted for this host");
    TRY(take_boundary(*boundary));
    if (boundary->is_last)
      TRY(take_masked());
    else
      TRY(take_entities(false));
  }
  return std::move(plan_);
}

Status write_fields(std::string_view text, std::string_view added, TextSink& sink) {
  HeaderReader reader{text};
  while (auto const field = reader.next())
    if (added.empty() || !field->is(encoding_field)) TRY(write_folded(field->raw(), sink));
  TRY(sink.add(added));
  return sink.add("\n");
}

}  // namespace

Result<BodyPlan> BodyPlan::make(std::string_view message, EightBit eight_bit) { return Planner{message, eight_bit}.plan(); }

Status BodyPlan::write_step(std::size_t number, std::string_view text, TextSink& sink) const {
  switch (steps[number].treatment) {
    case Treatment::as_it_is:
      return sink.add(text);
    case Treatment::fields:
      return write_fields(text, steps[number].added, sink);
    case Treatment::quoted_printable:
      return write_quoted_printable(text, sink);
    case Treatment::mended:
      return mend_quoted_printable(text, sink);
    case Treatment::cut_base64:
      return cut_base64(text, sink);
    case Treatment::masked:
      return write_masked(text, eight_bit, sink);
  }
  return Done{};
}

}  // namespace postern
