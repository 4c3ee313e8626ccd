#include "cli/changes.h"

#include "cli/table.h"

namespace linnet::cli {
namespace {

constexpr std::size_t widest_value = 80;

std::string value_text(const std::optional<std::string>& value) {
  if (!value) return "(none)";
  const std::string text = value->empty() ? "\"\"" : printable(*value);
  return text_width(text) <= widest_value ? text : cut_text(text, widest_value - 3) + "...";
}

// Of a new object only what it gets.
std::string values_text(const Terminal& out, const FieldChange& field, bool is_new) {
  std::string text;
  for (std::size_t i = is_new ? 1 : 0; i < field.values.size(); ++i)
    text += (text.empty() ? "" : " -> ") +
            out.styled(i == 0 ? Style::red : Style::green, value_text(field.values[i]));
  return text;
}

}  // namespace

void print_changes(Terminal& out, const PlanDocument& plan) {
  if (!plan.changes.empty() || !plan.unknown.empty()) out.line("");
  if (!plan.unknown.empty())
    out.line("what would be written cannot be told: " + printable(plan.unknown));
  for (const ObjectChange& change : plan.changes) {
    const bool is_new = change.change == "create";
    std::string head = out.styled(Style::bold, printable(change.kind + " " + change.name));
    if (is_new) head += ": " + out.styled(Style::green, "created");
    if (change.change == "remove") head += ": " + out.styled(Style::red, "removed");
    out.line(head);
    Table table({Align::left, Align::left});
    for (const FieldChange& field : change.fields)
      table.row({printable(field.path) + ":", values_text(out, field, is_new)});
    for (const std::string& line : table.lines("  ")) out.line(line);
  }
}

}  // namespace linnet::cli
