#include "spec/write.h"

#include <fmt/format.h>

#include "spec/fields.h"

namespace linnet::spec {
namespace {

constexpr std::size_t line_width = 96;

// An object is written on one line, { like: this }, where that fits; else key by key.
class Writer {
 public:
  explicit Writer(const core::Release& release) : release_(release) {}

  std::string document() {
    for (const Field* field : fields_under("")) write_field(*field, 0, 0);
    return std::move(out_);
  }

 private:
  // "{ weight: 5%, hold: 1m }"
  std::string flow_object(std::string_view rows, std::size_t index) const {
    std::string out;
    for (const Field* field : fields_under(rows)) {
      const std::string value = flow(*field, index);
      if (value.empty()) continue;
      out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", yaml_scalar(field->key()), value);
    }
    return out.empty() ? "{}" : "{ " + out + " }";
  }

  // The value on one line, or empty when the release has none.
  std::string flow(const Field& field, std::size_t index) const {
    const Value value = field.access.get(release_, index);
    if (std::holds_alternative<std::monostate>(value)) return {};
    if (field.kind.type == Type::object) return flow_object(field.path, index);
    if (field.kind.type != Type::objects) return value_text(field.kind, value);
    return std::get<std::int64_t>(value) == 0 ? "[]" : std::string(line_width, ' ');  // as a block
  }

  void write_field(const Field& field, std::size_t indent, std::size_t index) {
    const std::string value = flow(field, index);
    if (value.empty()) return;
    const std::string key = yaml_scalar(field.key());
    out_ += fmt::format("{:{}}{}:", "", indent, key);
    const bool fits = indent + key.size() + 2 + value.size() <= line_width;
    if (field.kind.type == Type::object && !fits) {
      out_ += '\n';
      for (const Field* child : fields_under(field.path)) write_field(*child, indent + 2, index);
    } else if (field.kind.type == Type::objects && !fits) {
      out_ += '\n';
      const auto count = std::get<std::int64_t>(field.access.get(release_, 0));
      for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
        write_item(field, indent + 2, i);
    } else if (!fits && write_map(field, indent + 2, index)) {
      return;
    } else {
      out_ += fmt::format(" {}\n", value);
    }
  }

  // A map of names, an entry a line; false when the field is none.
  bool write_map(const Field& field, std::size_t indent, std::size_t index) {
    const Value value = field.access.get(release_, index);
    const auto lines = [&](const auto& map) {
      out_ += '\n';
      for (const auto& [key, entry] : map)
        out_ += fmt::format("{:{}}{}: {}\n", "", indent, yaml_scalar(key), entry_text(entry));
      return true;
    };
    if (const auto* texts = std::get_if<TextMap>(&value)) return lines(*texts);
    if (const auto* lists = std::get_if<Parameters>(&value)) return lines(*lists);
    return false;
  }

  void write_item(const Field& list, std::size_t indent, std::size_t index) {
    const std::string rows = inner_path(list), item = flow_object(rows, index);
    if (indent + 2 + item.size() <= line_width) {
      out_ += fmt::format("{:{}}- {}\n", "", indent, item);
      return;
    }
    const std::size_t start = out_.size();
    for (const Field* child : fields_under(rows)) write_field(*child, indent + 2, index);
    out_[start + indent] = '-';
  }

  const core::Release& release_;
  std::string out_;
};

}  // namespace

std::string to_yaml(const core::Release& release) { return Writer(release).document(); }

}  // namespace linnet::spec
