#include "sim/arguments.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "base/mutant.h"

namespace linnet::sim {
namespace {

using Do = Arguments::Do;

constexpr std::uint64_t most = 1'000'000'000'000;  // of anything that is counted

std::optional<std::uint64_t> number(const std::string& text) {
  std::uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<std::uint64_t> seed_in(const std::string& word, const std::string& text) {
  if (const auto seed = number(text)) return *seed;
  return fail(Code::invalid, "{} needs a seed, a whole number, not '{}'", word, text);
}

Result<std::uint64_t> count_in(const std::string& word, const std::string& text) {
  const auto count = number(text);
  if (count && *count > 0 && *count <= most) return *count;
  return fail(Code::invalid, "{} needs a whole number above 0, not '{}'", word, text);
}

Result<std::string> guard_in(const std::string& text) {
  const auto first = mutant::guard_names.begin() + 1;  // "none" is no guard
  if (std::find(first, mutant::guard_names.end(), text) != mutant::guard_names.end()) return text;
  return fail(Code::invalid, "no guard '{}'; there are: {}", text,
              fmt::join(first, mutant::guard_names.end(), " "));
}

std::optional<Do> named(const std::string& word) {
  if (word == "--shrink") return Do::shrink;
  if (word == "--mutants") return Do::mutants;
  if (word == "--marks") return Do::marks;
  if (word == "--report") return Do::report;
  if (word == "--invariants") return Do::invariants;
  if (number(word)) return Do::replay;
  return std::nullopt;
}

std::uint64_t* limit_of(Arguments& arguments, const std::string& word) {
  if (word == "--minutes") return &arguments.minutes;
  if (word == "--seeds") return &arguments.seeds;
  if (word == "--rollouts") return &arguments.rollouts;
  return nullptr;
}

}  // namespace

Result<Arguments> read_arguments(const std::vector<std::string>& words, std::uint64_t now_us) {
  Arguments read;
  std::optional<std::uint64_t> from;
  std::string what, limit;  // the words that said so
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const auto value = [&] { return i + 1 < words.size() ? words[++i] : std::string(); };
    if (std::uint64_t* count = limit_of(read, word)) {
      if (!limit.empty()) return fail(Code::invalid, "{} or {}, not both", limit, word);
      limit = word;
      TRY(given, count_in(word, value()));
      *count = given;
    } else if (word == "--from") {
      TRY(seed, seed_in(word, value()));
      from = seed;
    } else if (const auto named_one = named(word)) {
      if (!what.empty()) return fail(Code::invalid, "{} or {}, not both", what, word);
      what = word;
      read.what = *named_one;
      if (read.what == Do::replay) read.seed = *number(word);
      if (read.what == Do::shrink) {
        TRY(seed, seed_in(word, value()));
        read.seed = seed;
      }
      if (read.what == Do::mutants && i + 1 < words.size()) {
        TRY(guard, guard_in(value()));
        read.guard = guard;
      }
    } else {
      return fail(Code::invalid, "'{}' is not understood", word);
    }
  }
  const bool limits = read.what == Do::swarm || (read.what == Do::report && limit == "--rollouts");
  if (!limit.empty() && !limits) return fail(Code::invalid, "{} takes no {}", what, limit);
  if (from && read.what != Do::swarm) return fail(Code::invalid, "{} takes no --from", what);
  if (from || read.minutes > 0) read.from = from.value_or(now_us);
  return read;
}

}  // namespace linnet::sim
