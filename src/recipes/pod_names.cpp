#include "recipes/pod_names.h"

#include <algorithm>

#include "recipes/metric_pattern.h"

namespace linnet::recipes {
namespace {

constexpr std::string_view any = "[bcdfghjklmnpqrstvwxz2456789]";
constexpr std::size_t longest_base = 58;  // of "web-6d4cf56db6-"
constexpr std::size_t ending = 5;
// A hash is the digits of a 32-bit number: of ten thousand million it has fewer than five in one
// of 400,000 cases.
constexpr std::size_t shortest_hash = 5, longest_hash = 10;

std::string times(std::string_view text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

}  // namespace

std::string pods_pattern(std::string_view deployment) {
  const std::string name = Pattern::quoted(deployment.substr(0, longest_base));
  if (deployment.size() >= longest_base) return name + times(any, ending);
  const std::size_t room = longest_base - deployment.size() - 1;  // for the hash and its dash
  std::string whole, cut;
  if (room > shortest_hash) {
    const std::size_t longest = std::min(longest_hash, room - 1);
    whole = name + "-" + times(any, shortest_hash) +
            times(std::string(any) + "?", longest - shortest_hash) + "-" + times(any, ending);
  }
  if (room <= longest_hash) cut = name + "-" + times(any, room + ending);
  return whole.empty() || cut.empty() ? whole + cut : whole + "|" + cut;
}

std::string a_pod_of(std::string_view deployment) {
  const std::string base = std::string(deployment) + "-" + times("b", longest_hash) + "-";
  return base.substr(0, longest_base) + times("b", ending);
}

}  // namespace linnet::recipes
