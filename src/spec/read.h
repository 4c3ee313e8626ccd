// Reads releases from YAML text and reports every mistake at once. The text is hostile input: size,
// depth and number of values are bounded, nothing is expanded, and nothing is thrown.
// The keys themselves stand in fields.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/release.h"

namespace linnet::spec {

/// One thing to correct. `line` and `column` count from 1 (columns in bytes); 0 where no place
/// fits. `key` is the path in the document ("spec.steps[0].weight"), or empty.
struct Mistake {
  std::string file;
  int line = 0;
  int column = 0;
  std::string key;
  std::string message;

  /// "shop.yaml:12:7: spec.steps[0].weight: 101% is ...". Safe for a terminal.
  [[nodiscard]] std::string text() const;
  friend bool operator==(const Mistake&, const Mistake&) = default;
};

/// What a file holds. Every document is either in `releases` or has at least one mistake; a file
/// without any release is a mistake too. Use the releases only when there is no mistake at all.
struct ReadSpecs {
  std::vector<core::Release> releases;
  /// Each document as far as it could be read, to look for more mistakes and for nothing else.
  std::vector<core::Release> drafts;
  std::vector<Mistake>
      mistakes;  // in the order of the file; at most max_mistakes, the last says so
};

inline constexpr std::size_t max_bytes = 1 << 20;
inline constexpr int max_depth = 32;
inline constexpr int max_values = 50'000;
inline constexpr std::size_t max_mistakes = 100;

/// Reads one file's text, which may hold several documents. Anchors, aliases and tags are refused.
/// `{{name}}` may stand unquoted, also inside [ ], where plain YAML would not take it.
/// `file_name` is only repeated in the mistakes.
ReadSpecs read_specs(std::string_view yaml_text, std::string_view file_name);

}  // namespace linnet::spec
