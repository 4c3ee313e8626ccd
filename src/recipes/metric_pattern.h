// Regular expressions for label values: the part of RE2's language that recipes need, with RE2's
// meaning, so that Prometheus and we agree on what matches. Recipes and labels may be hostile: the
// time is bounded by pattern times text, there is no backtracking.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace linnet::recipes {

class Pattern {
 public:
  static constexpr std::size_t max_bytes = 8192;

  /// Literals, '.', [classes], (groups), |, *, +, ? and '\' before a character that is none of
  /// these. Anchored at both ends, as in label matchers. Code::invalid says what is not understood.
  static Result<Pattern> compile(std::string_view pattern);
  [[nodiscard]] bool matches(std::string_view text) const;
  /// The pattern that matches just this text.
  static std::string quoted(std::string_view text);

 private:
  friend class PatternParser;
  using Bytes = std::bitset<256>;
  /// Takes one byte of `bytes` and goes to `next`, or (when `fork`) goes to both without one.
  struct State {
    Bytes bytes;
    bool fork = false;
    std::int32_t next = -1;
    std::int32_t other = -1;
  };
  std::vector<State> states_;  // the end is the number behind the last
  std::int32_t start_ = 0;
};

}  // namespace linnet::recipes
