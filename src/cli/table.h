// Columns that line up, for status, history and the like.
#pragma once

#include <string>
#include <vector>

namespace linnet::cli {

enum class Align { left, right };

class Table {
 public:
  explicit Table(std::vector<Align> columns) : columns_(std::move(columns)) {}
  /// Cells may hold styles; missing ones at the end are empty.
  void row(std::vector<std::string> cells);
  /// The last one is a text that goes over the rest of the line and makes no column wider.
  void sentence(std::vector<std::string> cells);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  /// Two spaces between columns, none at the end of a line; each line begins with `indent`.
  [[nodiscard]] std::vector<std::string> lines(std::string_view indent = "") const;

 private:
  std::vector<Align> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace linnet::cli
