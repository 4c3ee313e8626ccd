#include "cli/table.h"

#include <algorithm>

#include "base/result.h"
#include "cli/terminal.h"

namespace linnet::cli {

void Table::row(std::vector<std::string> cells) {
  CHECK(cells.size() <= columns_.size());
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

void Table::sentence(std::vector<std::string> cells) {
  CHECK(!cells.empty() && cells.size() < columns_.size());
  rows_.push_back(std::move(cells));
}

std::vector<std::string> Table::lines(std::string_view indent) const {
  std::vector<std::size_t> widths(columns_.size(), 0);
  const auto is_sentence = [&](const auto& row, std::size_t i) {
    return row.size() < columns_.size() && i + 1 == row.size();
  };
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i)
      if (!is_sentence(row, i)) widths[i] = std::max(widths[i], text_width(row[i]));
  std::vector<std::string> out;
  for (const auto& row : rows_) {
    std::string text(indent);
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (is_sentence(row, i)) {
        text += row[i];
        break;
      }
      const std::string space(widths[i] - text_width(row[i]), ' ');
      if (widths[i] == 0) continue;  // a column that nobody fills
      text += columns_[i] == Align::right ? space + row[i] : row[i] + space;
      text += "  ";
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out.push_back(std::move(text));
  }
  return out;
}

}  // namespace linnet::cli
