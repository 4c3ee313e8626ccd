#include "prometheus/series_counter.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace linnet::prometheus {
namespace {

using core::Counts;
using core::Track;
using Kind = recipes::Role::Counts;

constexpr double largest = 1e15;  // of a counter: above, doubles do not count by one any more
constexpr std::size_t most_buckets = 500;
constexpr std::size_t most_instances = 500;
// A series that was there at a page's first reading, with a number that could not be used.
constexpr std::int64_t unknown = -1;
constexpr Duration same_start = 2s;  // some programs compute their start anew, and not exactly
// Between the clocks of two servers that read one page, and between its time and its numbers.
constexpr Duration same_sample = 5s;

/// Thousands of series that all say the largest number must not overflow their sum.
void grow(std::int64_t& count, std::int64_t more) {
  count = std::min<std::int64_t>(count + more, 1'000'000'000'000'000'000);
}

bool is_count(double value) { return value >= 0 && value <= largest; }

struct BucketReading {
  double le_ms;
  double value;
};

/// The readings of one page, sorted out; what could not be used is counted for the remarks.
struct Sorted {
  struct Series {
    const recipes::Role* role = nullptr;
    std::vector<BucketReading> buckets;  // of a histogram
    double value = 0;                    // of a counter
    bool usable = true;
  };
  std::map<SeriesKey, Series> counters, histograms;
  std::int64_t no_counts = 0, twice = 0, incomplete = 0;
};

Sorted sort(const Page& page) {
  Sorted sorted;
  for (const Reading& reading : page.readings) {
    const bool bucket = reading.role.counts == Kind::latency_bucket;
    auto& series = (bucket ? sorted.histograms : sorted.counters)[reading.series];
    const bool first = series.role == nullptr;
    if (first) series.role = &reading.role;
    if (bucket)
      series.buckets.push_back({reading.role.le_ms, reading.value});
    else if (first)
      series.value = reading.value;
    else
      ++sorted.twice;
  }
  for (auto& [key, series] : sorted.counters) {
    series.usable = is_count(series.value);
    sorted.no_counts += series.usable ? 0 : 1;
  }
  for (auto& [key, series] : sorted.histograms) {
    auto& buckets = series.buckets;
    // Stable: of two buckets with one bound the first on the page counts.
    std::stable_sort(buckets.begin(), buckets.end(),
                     [](const auto& a, const auto& b) { return a.le_ms < b.le_ms; });
    const auto twice = std::unique(buckets.begin(), buckets.end(),
                                   [](const auto& a, const auto& b) { return a.le_ms == b.le_ms; });
    sorted.twice += buckets.end() - twice;
    buckets.erase(twice, buckets.end());
    const bool counts = std::all_of(buckets.begin(), buckets.end(),
                                    [](const auto& one) { return is_count(one.value); });
    const bool whole = std::isinf(buckets.back().le_ms) && buckets.size() <= most_buckets;
    series.usable = counts && whole;
    sorted.no_counts += counts ? 0 : 1;
    sorted.incomplete += whole ? 0 : 1;
  }
  return sorted;
}

HistogramCounts counts_of(const std::vector<BucketReading>& buckets) {
  HistogramCounts histogram;
  for (const BucketReading& bucket : buckets) {
    histogram.bounds_ms.push_back(bucket.le_ms);
    histogram.counts.push_back(static_cast<std::int64_t>(bucket.value));
  }
  return histogram;
}

bool any_grew(const HistogramCounts& before, const HistogramCounts& now) {
  for (std::size_t i = 0; i < now.counts.size(); ++i)
    if (now.counts[i] > before.counts[i]) return true;
  return false;
}

bool any_fell(const HistogramCounts& before, const HistogramCounts& now) {
  for (std::size_t i = 0; i < now.counts.size(); ++i)
    if (now.counts[i] < before.counts[i]) return true;
  return false;
}

/// Counts one turn; its members are what the rules need to know of the turn.
class Turn {
 public:
  Turn(const CounterOptions& options, const Baseline& before, WallTime at)
      : options_(options), before_(before) {
    out_.next = before;
    out_.next.at = std::max(at, before.at);
    for (Counts* counts : {&out_.sample.stable, &out_.sample.canary})
      counts->latency.resize(options_.boundaries_ms.size() + 1);
  }

  void add(const Page& page) {
    if (!seen_.insert(page.id).second) {
      remark("two pages are called {}: the second is ignored", page.id);
      return;
    }
    const auto found = before_.pages.find(page.id);
    PageBaseline& next = out_.next.pages[page.id];
    const WallTime from = next.sampled.ms > 0 ? next.sampled : next.read;
    const std::int64_t started = page.started_s && is_count(*page.started_s)
                                     ? static_cast<std::int64_t>(std::round(*page.started_s * 1000))
                                     : 0;
    bool known = found != before_.pages.end();
    const bool began_since = before_.begun() && started > before_.at.ms;
    const Sorted sorted = sort(page);
    // A page may tell the start of another process than the one that counts (a sidecar's page with
    // the application's metrics): what began anew fell somewhere.
    if (known && started > 0 && next.started.ms > 0 &&
        std::abs(started - next.started.ms) > same_start.count() && moves(sorted, next).fell) {
      next = PageBaseline{};  // another process: everything began at 0
      remark(began_anew, name_of(page));
    }
    if (started > 0) next.started.ms = started;
    next.read = out_.next.at;
    counts_ = known || began_since;
    if (known && is_behind(page, sorted, next)) {
      remark("{}: its numbers are older than those before; newer ones are waited for",
             name_of(page));
      return;
    }
    if (page.sampled) next.sampled = std::min(*page.sampled, out_.next.at);
    fell_ = 0;
    went_on_ = 0;
    grew_ = false;
    for (const auto& [key, series] : sorted.counters)
      if (series.usable)
        counter(key, series, next);
      else if (!counts_)
        next.counters.try_emplace(key, unknown);
    for (const auto& [key, series] : sorted.histograms)
      if (series.usable)
        histogram(key, series, next);
      else if (!counts_)
        next.histograms.try_emplace(key, HistogramCounts{});
    const Duration reach(out_.next.at.ms - (known ? from.ms : started));
    if (counts_ && grew_) out_.sample.reach = std::max(out_.sample.reach, reach);
    report(page, sorted);
  }

  Result<Counted> take() {
    forget();
    if (out_.next.values() > Baseline::max_values)
      return fail(
          Code::invalid,
          "the recipe finds {} numbers in {} pages, more than the {} that can be kept: name "
          "the service more closely in metrics.with",
          out_.next.values(), out_.next.pages.size(), std::size_t{Baseline::max_values});
    for (auto& [id, counts] : instances_)
      if (counts.requests > 0) out_.sample.stable_instances.push_back({id, std::move(counts)});
    return std::move(out_);
  }

 private:
  template <class... Args>
  void remark(fmt::format_string<Args...> format, Args&&... args) {
    if (out_.remarks.size() < 20)
      out_.remarks.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  static constexpr fmt::format_string<const std::string&> began_anew =
      "{} began anew: what it counted shortly before is not known";

  static const std::string& name_of(const Page& page) {
    return page.name.empty() ? page.id : page.name;
  }

  void report(const Page& page, const Sorted& sorted) {
    const std::string& name = name_of(page);
    if (sorted.no_counts > 0)
      remark("{}: {} series ignored, whose value is NaN, negative or too large", name,
             sorted.no_counts);
    if (sorted.twice > 0)
      remark("{}: {} numbers ignored, of series that are there twice", name, sorted.twice);
    if (sorted.incomplete > 0)
      remark("{}: {} histograms ignored, which lack the bucket +Inf or have more than {}", name,
             sorted.incomplete, most_buckets);
    if (changed_ > 0)
      remark("{}: the buckets of {} histograms changed; they count anew", name, changed_);
    changed_ = 0;
    // One that fell alone was dropped while it had no requests, as routers do with the canary's
    // between releases: nothing is missing.
    if (fell_ > 0 && went_on_ == 0) remark(began_anew, name);
  }

  struct Moves {
    bool fell = false, grew = false;
  };
  static Moves moves(const Sorted& sorted, const PageBaseline& before) {
    bool fell = false, grew = false;
    for (const auto& [key, series] : sorted.counters) {
      const auto was = before.counters.find(key);
      if (was == before.counters.end() || was->second == unknown || !series.usable) continue;
      const auto value = static_cast<std::int64_t>(series.value);
      fell |= value < was->second;
      grew |= value > was->second;
    }
    for (const auto& [key, series] : sorted.histograms) {
      const auto was = before.histograms.find(key);
      if (was == before.histograms.end() || !series.usable) continue;
      const HistogramCounts now = counts_of(series.buckets);
      if (now.bounds_ms != was->second.bounds_ms) continue;
      fell |= any_fell(was->second, now);
      grew |= any_grew(was->second, now);
    }
    return {fell, grew};
  }

  static bool is_behind(const Page& page, const Sorted& sorted, const PageBaseline& before) {
    if (!page.sampled || before.sampled.ms == 0) return false;
    const std::int64_t later = page.sampled->ms - before.sampled.ms;
    if (later < 0) return true;
    const Moves moved = moves(sorted, before);
    return later <= same_sample.count() && moved.fell && !moved.grew;
  }

  Counts& of(Track track) {
    return track == Track::stable ? out_.sample.stable : out_.sample.canary;
  }
  Counts* instance_of(const recipes::Role& role) {
    if (role.track != Track::stable || role.instance.empty()) return nullptr;
    if (instances_.size() >= most_instances && instances_.count(role.instance) == 0) return nullptr;
    Counts& counts = instances_[role.instance];
    counts.latency.resize(options_.boundaries_ms.size() + 1);
    return &counts;
  }

  void counter(SeriesKey key, const Sorted::Series& series, PageBaseline& next) {
    const auto value = static_cast<std::int64_t>(series.value);
    const auto [was, fresh] = next.counters.try_emplace(key, 0);
    if (was->second == unknown) {
      was->second = value;
      return;
    }
    std::int64_t more = value - was->second;
    if (more >= 0 && was->second > 0) ++went_on_;
    if (more < 0) {
      ++fell_;
      more = value;
    }
    was->second = value;
    if (!counts_) return;
    grew_ = grew_ || more > 0;
    const bool bad = series.role->counts == Kind::bad_requests;
    for (Counts* counts : {&of(series.role->track), instance_of(*series.role)}) {
      if (counts == nullptr) continue;
      grow(counts->requests, more);
      grow(counts->bad, bad ? more : 0);
    }
  }

  void histogram(SeriesKey key, const Sorted::Series& series, PageBaseline& next) {
    HistogramCounts now = counts_of(series.buckets);
    HistogramCounts zero{now.bounds_ms, std::vector<std::int64_t>(now.counts.size())};
    auto [was, fresh] = next.histograms.try_emplace(key, zero);
    HistogramCounts& before = was->second;
    if (before.bounds_ms.empty()) {
      before = std::move(now);
      return;
    }
    if (before.bounds_ms != now.bounds_ms) {
      const bool fell = now.counts.back() < before.counts.back();
      const bool part = std::includes(before.bounds_ms.begin(), before.bounds_ms.end(),
                                      now.bounds_ms.begin(), now.bounds_ms.end());
      if (!fell && part) return;  // buckets are missing this time
      ++changed_;
      if (!fell) {  // nothing to compare with
        before = std::move(now);
        return;
      }
      before = zero;
    } else if (any_fell(before, now)) {
      before = zero;
    }
    if (counts_) add_buckets(*series.role, before, now);
    before = std::move(now);
  }

  /// Cumulative counts become increments of the release's buckets. Pages are not read at one
  /// instant, so a bucket may be ahead of the next one: what is told twice then is told once.
  void add_buckets(const recipes::Role& role, const HistogramCounts& before,
                   const HistogramCounts& now) {
    const auto& boundaries = options_.boundaries_ms;
    Counts* const instance = instance_of(role);
    std::int64_t told = 0;
    for (std::size_t i = 0; i < now.counts.size(); ++i) {
      const std::int64_t more = now.counts[i] - before.counts[i] - told;
      if (more <= 0) continue;
      told += more;
      grew_ = true;
      const auto at = std::lower_bound(boundaries.begin(), boundaries.end(), now.bounds_ms[i]);
      const auto bucket = static_cast<std::size_t>(at - boundaries.begin());
      grow(of(role.track).latency[bucket], more);
      if (instance != nullptr) grow(instance->latency[bucket], more);
    }
  }

  void forget() {
    auto& pages = out_.next.pages;
    std::erase_if(pages, [&](const auto& entry) {
      return out_.next.at.ms - entry.second.read.ms > options_.forget.count();
    });
    // A cursor is small; pods that are gone go first.
    while (out_.next.values() > Baseline::max_values) {
      const auto oldest = std::min_element(
          pages.begin(), pages.end(),
          [](const auto& a, const auto& b) { return a.second.read < b.second.read; });
      if (oldest->second.read == out_.next.at) return;
      pages.erase(oldest);
    }
  }

  const CounterOptions& options_;
  const Baseline& before_;
  Counted out_;
  std::set<std::string> seen_;
  std::map<std::string, Counts> instances_;
  bool grew_ = false;                    // this page's counts did
  bool counts_ = false;                  // this page's growth is of this turn
  std::int64_t fell_ = 0, went_on_ = 0;  // of this page's counters that were above 0
  std::int64_t changed_ = 0;
};

std::uint64_t mixed(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9U;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

std::uint64_t hash(std::string_view text, std::uint64_t seed) {
  std::uint64_t value = 0xcbf29ce484222325U ^ seed;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return mixed(value + text.size());
}

}  // namespace

Result<Counted> SeriesCounter::count(const Baseline& before, std::span<const Page> pages,
                                     WallTime at) const {
  Turn turn(options_, before, at);
  for (const Page& page : pages) turn.add(page);
  return turn.take();
}

std::string inexact_limits(const Baseline& baseline, const std::vector<double>& limits_ms) {
  std::string out;
  for (const double limit : limits_ms) {
    double below = 0;
    bool inexact = false;
    for (const auto& [id, page] : baseline.pages)
      for (const auto& [key, histogram] : page.histograms) {
        const auto& bounds = histogram.bounds_ms;
        if (bounds.empty()) continue;
        const auto at = std::lower_bound(bounds.begin(), bounds.end(), limit);
        if (at != bounds.end() && *at == limit) continue;
        inexact = true;
        if (at != bounds.begin()) below = std::max(below, *(at - 1));
      }
    if (inexact)
      out += fmt::format(
          "{}the metrics have no bucket that ends at {} ms: requests slower than "
          "{} ms count as above the limit",
          out.empty() ? "" : "; ", limit, below);
  }
  return out;
}

SeriesKey key_of(std::string_view metric, std::span<const recipes::LabelView> labels) {
  SeriesKey key = hash(metric, 1);
  for (const auto& [name, value] : labels)
    if (name != "le") key += mixed(hash(name, 2) ^ (hash(value, 3) * 3));
  return key;
}

}  // namespace linnet::prometheus
