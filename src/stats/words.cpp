#include "stats/words.h"

#include <fmt/format.h>

#include <cmath>

namespace linnet::stats {
namespace {

// Two digits are all that an estimate deserves.
double two_digits(double value) {
  if (value < 10) return std::ceil(value);
  const double scale = std::pow(10, std::floor(std::log10(value)) - 1);
  return std::round(value / scale) * scale;
}

}  // namespace

std::string count_words(double count) {
  if (!std::isfinite(count)) return "unlimited";
  std::string digits = fmt::format("{:.0f}", std::abs(count));
  for (std::ptrdiff_t i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > 0; i -= 3)
    digits.insert(static_cast<std::size_t>(i), ",");
  return (count <= -0.5 ? "-" : "") + digits;
}

std::string likelihood_words(double log_evidence) {
  if (!(log_evidence >= std::log(2.0))) return "nothing unusual";
  if (log_evidence >= std::log(1e9)) return "less than 1 in 1,000,000,000";
  // Rounded down: the words never claim more than the number.
  const double odds = std::exp(log_evidence);
  const double scale = odds < 100 ? 1 : std::pow(10, std::floor(std::log10(odds)) - 1);
  return "1 in " + count_words(std::floor(odds / scale) * scale);
}

std::string requests_words(std::optional<double> requests) {
  if (!requests) return "more requests would not tell";
  if (*requests <= 0) return "no more requests";
  if (*requests <= 1) return "about 1 more request";
  return "about " + count_words(two_digits(*requests)) + " more requests";
}

std::string percent_words(double fraction) {
  const double percent = fraction * 100;
  const double size = std::abs(percent);
  if (size < 1e-9) return "0 %";
  if (size < 0.001) return fmt::format("{:.1e} %", percent);
  const int decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4;
  std::string text = fmt::format("{:.{}f}", percent, decimals);
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text + " %";
}

}  // namespace linnet::stats
