// Reading what users hand over: bounded files and small CSV tables, with errors that name file and
// line.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace linnet::judge {

inline constexpr std::size_t max_file_bytes = std::size_t{64} << 20;

/// The whole file, or standard input for "-". Code::not_found, or Code::invalid when it is too long
/// or cannot be read.
Result<std::string> read_file(const std::string& file);

struct Table {
  std::string file;
  std::size_t columns = 0;
  std::vector<double> cells;       // row by row, in the order of the columns asked for
  std::vector<std::size_t> lines;  // line number of each row, from 1

  [[nodiscard]] std::size_t rows() const { return lines.size(); }
  [[nodiscard]] double at(std::size_t row, std::size_t column) const {
    return cells[row * columns + column];
  }
  /// The error with "FILE:LINE: " of that row in front.
  [[nodiscard]] Error at_row(std::size_t row, const Error& error) const;
};

/// Reads a CSV file whose header holds exactly these columns, in any order. "+Inf" and "inf" are
/// infinity; "nan" and everything else that is not a plain number is Code::invalid.
Result<Table> read_table(const std::string& file, std::initializer_list<std::string_view> columns);
/// The same from text; `file` names it in errors.
Result<Table> parse_table(const std::string& file, std::string_view text,
                          std::initializer_list<std::string_view> columns);

}  // namespace linnet::judge
