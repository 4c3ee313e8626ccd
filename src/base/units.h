// Percent and time as types, so that a unit is never guessed from a name. Exact integers: a weight
// of 0.1 % compares equal to itself after any number of trips through YAML, JSON and NGINX.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace linnet {

/// A percentage kept in millionths of the whole (1 % = 10,000 ppm). Range is the caller's matter:
/// a weight is 0..100 %, a rate limit as well; `parse` accepts nothing negative.
class Percent {
 public:
  constexpr Percent() = default;
  static constexpr Percent from_ppm(std::int32_t ppm) { return Percent(ppm); }
  static constexpr Percent whole(std::int32_t percent) { return Percent(percent * 10'000); }
  /// Reads "5%", "0.1 %", "5", "100": at most four decimals, 0..100. Code::invalid otherwise.
  static Result<Percent> parse(std::string_view text);

  [[nodiscard]] constexpr std::int32_t ppm() const { return ppm_; }
  [[nodiscard]] constexpr double fraction() const { return ppm_ / 1e6; }
  [[nodiscard]] constexpr double value() const { return ppm_ / 1e4; }
  [[nodiscard]] constexpr bool is_zero() const { return ppm_ == 0; }
  /// True when it is a multiple of 0.1 %, the finest weight a router is asked for.
  [[nodiscard]] constexpr bool is_tenth_step() const { return ppm_ % 1000 == 0; }
  /// "5 %", "0.1 %": no trailing zeros.
  [[nodiscard]] std::string text() const;

  friend constexpr auto operator<=>(Percent, Percent) = default;

 private:
  explicit constexpr Percent(std::int32_t ppm) : ppm_(ppm) {}
  std::int32_t ppm_ = 0;
};

using Duration = std::chrono::milliseconds;
using namespace std::chrono_literals;  // 60s, 500ms: the only using-directive, for units

/// Milliseconds since the Unix epoch, UTC: for people and calendars only, never for measuring.
struct WallTime {
  std::int64_t ms = 0;
  friend constexpr auto operator<=>(WallTime, WallTime) = default;
  /// RFC 3339 in UTC with milliseconds: "2026-11-23T21:02:07.123Z".
  [[nodiscard]] std::string text() const;
};

/// Milliseconds of a clock that never jumps; comparable only within one run of the engine.
struct MonoTime {
  std::int64_t ms = 0;
  friend constexpr auto operator<=>(MonoTime, MonoTime) = default;
  friend constexpr Duration operator-(MonoTime a, MonoTime b) { return Duration(a.ms - b.ms); }
  friend constexpr MonoTime operator+(MonoTime a, Duration d) { return MonoTime{a.ms + d.count()}; }
};

/// Both clocks read at one instant.
struct Now {
  WallTime wall;
  MonoTime mono;
};

/// Reads "60s", "500ms", "5m", "2h" and sums such as "1m30s". Code::invalid otherwise.
Result<Duration> parse_duration(std::string_view text);
/// The shortest exact form: "60s" -> "1m", 1500 ms -> "1.5s", 0 -> "0s".
std::string duration_text(Duration duration);

/// The known word nearest to `word` by edit distance, or empty when none is near enough to suggest.
std::string_view nearest_word(std::string_view word, const std::string_view* known,
                              std::size_t count);
template <class Words>
std::string_view nearest_word(std::string_view word, const Words& known) {
  return nearest_word(word, std::data(known), std::size(known));
}

}  // namespace linnet
