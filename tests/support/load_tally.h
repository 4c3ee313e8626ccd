// What a load run saw, per version and in total, and its JSON. Apart from steady_load.cpp so that
// the client there stays about sockets. Times are microseconds of CLOCK_MONOTONIC, which all
// processes of a machine share: a summary can be compared with a daemon's or a script's own clock.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <map>
#include <string>

namespace support {

/// CLOCK_MONOTONIC; Python's time.monotonic_ns() // 1000 reads the same clock.
inline std::int64_t now_us() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

/// Latencies in buckets 2 % apart, from 1 us to about 10 minutes.
class Latencies {
 public:
  void add(std::int64_t us) {
    const double index = us <= 1 ? 0 : std::log(static_cast<double>(us)) / step;
    ++buckets_[static_cast<std::size_t>(std::min(index, buckets_.size() - 1.0))];
    ++count_;
    if (us > max_us_) max_us_ = us;
  }
  /// In milliseconds, within 2 %; 0 without any.
  [[nodiscard]] double quantile_ms(double quantile) const {
    const auto rank = static_cast<std::int64_t>(std::ceil(quantile * static_cast<double>(count_)));
    std::int64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen >= rank && seen > 0) return std::exp(step * (static_cast<double>(i) + 0.5)) / 1000;
    }
    return 0;
  }
  [[nodiscard]] double max_ms() const { return static_cast<double>(max_us_) / 1000; }

 private:
  static constexpr double step = 0.02;
  std::array<std::int64_t, 1024> buckets_{};
  std::int64_t count_ = 0;
  std::int64_t max_us_ = 0;
};

struct VersionTally {
  std::int64_t requests = 0;
  std::int64_t bad = 0;            // answered 5xx
  std::int64_t first_us = 0;       // end of its first answer
  std::int64_t last_us = 0;        // end of its last answer
  std::int64_t last_start_us = 0;  // latest start of a request that it answered
  std::int64_t first_bad_us = 0;   // 0: none
  std::int64_t last_bad_us = 0;
  Latencies latencies;
};

struct Tally {
  std::map<std::string, VersionTally> versions;
  std::map<std::string, std::int64_t> failures;  // requests without an answer, by kind
  std::int64_t missed = 0;                       // due, but every client was waiting for an answer
  std::int64_t connects = 0;
  std::int64_t closed_idle = 0;       // by the server, unannounced, between two requests
  std::int64_t closed_in_use = 0;     // by the server, unannounced, with a request on its way
  std::int64_t closed_announced = 0;  // the answer said so, as HTTP wants it
  std::int64_t events_dropped = 0;    // beyond the event log's bound

  /// An answer; `version` is its X-Version header, "none" without (NGINX's own pages).
  void answer(const std::string& version, int status, std::int64_t start, std::int64_t end) {
    // A server that invents versions must not fill the memory.
    const bool known = versions.count(version) != 0 || versions.size() < 1000;
    VersionTally& tally = versions[known ? version : "more"];
    if (tally.requests++ == 0) tally.first_us = end;
    tally.last_us = end;
    if (start > tally.last_start_us) tally.last_start_us = start;
    tally.latencies.add(end - start);
    if (status < 500) return;
    if (tally.bad++ == 0) tally.first_bad_us = end;
    tally.last_bad_us = end;
  }

  [[nodiscard]] std::string json(std::int64_t started, std::int64_t at, bool done) const;
};

inline std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char letter : text) {
    const bool plain = letter >= ' ' && letter != '"' && letter != '\\' && letter != '\x7f';
    out += plain ? letter : '?';
  }
  return out + '"';
}

inline std::string Tally::json(std::int64_t started, std::int64_t at, bool done) const {
  std::int64_t requests = 0;
  std::int64_t bad = 0;
  std::int64_t failed = 0;
  std::string list;
  for (const auto& [version, tally] : versions) {
    requests += tally.requests;
    bad += tally.bad;
    std::array<char, 512> text{};
    std::snprintf(text.data(), text.size(),
                  ": {\"requests\": %ld, \"bad\": %ld, \"first_us\": %ld, \"last_us\": %ld, "
                  "\"last_start_us\": %ld, \"first_bad_us\": %ld, \"last_bad_us\": %ld, "
                  "\"latency_ms\": {\"p50\": %.3f, \"p95\": %.3f, \"p99\": %.3f, \"max\": %.3f}}",
                  tally.requests, tally.bad, tally.first_us, tally.last_us, tally.last_start_us,
                  tally.first_bad_us, tally.last_bad_us, tally.latencies.quantile_ms(0.5),
                  tally.latencies.quantile_ms(0.95), tally.latencies.quantile_ms(0.99),
                  tally.latencies.max_ms());
    list += (list.empty() ? "\n    " : ",\n    ") + quoted(version) + text.data();
  }
  std::string kinds;
  for (const auto& [kind, count] : failures) {
    failed += count;
    kinds += (kinds.empty() ? "" : ", ") + quoted(kind) + ": " + std::to_string(count);
  }
  std::array<char, 512> head{};
  std::snprintf(head.data(), head.size(),
                "{\"started_us\": %ld, \"at_us\": %ld, \"done\": %s, \"requests\": %ld, "
                "\"bad\": %ld, \"failed\": %ld, \"missed\": %ld, \"connects\": %ld, "
                "\"closed_idle\": %ld, \"closed_in_use\": %ld, \"closed_announced\": %ld, "
                "\"events_dropped\": %ld,\n",
                started, at, done ? "true" : "false", requests + failed, bad, failed, missed,
                connects, closed_idle, closed_in_use, closed_announced, events_dropped);
  return std::string(head.data()) + "  \"failures\": {" + kinds + "},\n  \"versions\": {" + list +
         "}}\n";
}

}  // namespace support
