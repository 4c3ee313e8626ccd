#include "judge/files.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <optional>

#include "base/units.h"

namespace linnet::judge {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const auto comma = line.find(',');
    fields.push_back(trimmed(line.substr(0, comma)));
    if (comma == std::string_view::npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

std::optional<double> number(std::string_view text) {
  if (text == "+Inf" || text == "Inf" || text == "+inf" || text == "inf")
    return std::numeric_limits<double>::infinity();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

// What a message may quote of hostile input: short and printable.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text.substr(0, 40)) result += c >= ' ' && c < 127 ? c : '?';
  return result + (text.size() > 40 ? "...\"" : "\"");
}

// For each wanted column its place in the header.
Result<std::vector<std::size_t>> match_header(const std::string& place, std::string_view line,
                                              std::initializer_list<std::string_view> columns) {
  const auto header = fields_of(line);
  std::string wanted;
  for (const auto column : columns) wanted += (wanted.empty() ? "" : ",") + std::string(column);
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (std::find(columns.begin(), columns.end(), header[i]) == columns.end()) {
      const auto near = nearest_word(header[i], std::data(columns), columns.size());
      return fail(Code::invalid, "{}: unknown column {}{}; the header must be {}", place,
                  quoted(header[i]), near.empty() ? "" : fmt::format(" (did you mean {}?)", near),
                  wanted);
    }
    if (std::find(header.begin(), header.begin() + static_cast<std::ptrdiff_t>(i), header[i]) !=
        header.begin() + static_cast<std::ptrdiff_t>(i))
      return fail(Code::invalid, "{}: column {} stands twice", place, header[i]);
  }
  std::vector<std::size_t> places;
  for (const auto column : columns) {
    const auto found = std::find(header.begin(), header.end(), column);
    if (found == header.end())
      return fail(Code::invalid, "{}: column {} is missing; the header must be {}", place, column,
                  wanted);
    places.push_back(static_cast<std::size_t>(found - header.begin()));
  }
  return places;
}

}  // namespace

Result<std::string> read_file(const std::string& file) {
  std::ifstream opened;
  if (file != "-") {
    std::error_code error;
    if (!std::filesystem::exists(file, error))
      return fail(Code::not_found, "{}: no such file", file);
    if (std::filesystem::is_directory(file, error))
      return fail(Code::invalid, "{}: is a directory", file);
    opened.open(file, std::ios::binary);
    if (!opened) return fail(Code::denied, "{}: cannot be opened", file);
  }
  std::istream& in = file == "-" ? std::cin : opened;
  std::string text;
  char block[65536];
  while (in.read(block, sizeof block) || in.gcount() > 0) {
    text.append(block, static_cast<std::size_t>(in.gcount()));
    if (text.size() > max_file_bytes)
      return fail(Code::invalid, "{}: is longer than {} MiB", file, max_file_bytes >> 20);
  }
  if (in.bad()) return fail(Code::invalid, "{}: cannot be read", file);
  return text;
}

Error Table::at_row(std::size_t row, const Error& error) const {
  return error.while_doing(fmt::format("{}:{}", file, lines[row]));
}

Result<Table> read_table(const std::string& file, std::initializer_list<std::string_view> columns) {
  TRY(text, read_file(file));
  return parse_table(file, text, columns);
}

Result<Table> parse_table(const std::string& file, std::string_view text,
                          std::initializer_list<std::string_view> columns) {
  Table table;
  table.file = file;
  table.columns = columns.size();
  std::optional<std::vector<std::size_t>> places;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (std::size_t line_number = 1; !text.empty(); ++line_number) {
    const auto end = text.find('\n');
    const auto line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty()) continue;
    const auto place = [&] { return fmt::format("{}:{}", file, line_number); };
    if (!places) {
      TRY(matched, match_header(place(), line, columns));
      places = std::move(matched);
      continue;
    }
    const auto fields = fields_of(line);
    if (fields.size() != columns.size())
      return fail(Code::invalid, "{}: {} where the header has {} columns", place(),
                  fields.size() == 1 ? "1 field" : fmt::format("{} fields", fields.size()),
                  columns.size());
    for (const std::size_t at : *places) {
      const auto value = number(fields[at]);
      if (!value) return fail(Code::invalid, "{}: {} is not a number", place(), quoted(fields[at]));
      table.cells.push_back(*value);
    }
    table.lines.push_back(line_number);
  }
  if (!places) return fail(Code::invalid, "{}:1: the header is missing", file);
  return table;
}

}  // namespace linnet::judge
