// How many access-log lines one core turns into histograms, beside merely finding the ends of the
// same lines. They are as NGINX writes them under linnet: mostly plain, some retried, some failed.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>

#include "core/decide.h"
#include "local/access_log_counters.h"

namespace {

constexpr int lines_per_chunk = 1000;  // about 64 KB, as one read of the tail
constexpr int chunks = 4000;
constexpr int rounds = 5;

std::string make_chunk() {
  std::string text;
  for (int i = 0; i < lines_per_chunk; ++i) {
    const std::string port = std::to_string(7100 + i % 4);
    const std::string time = "0." + std::to_string(100 + (i * 37) % 900);
    const char* track = i % 20 == 0 ? "canary" : "stable";
    if (i % 100 == 7) {
      text += std::string(track) + "|200|127.0.0.1:7104, 127.0.0.1:" + port +
              "|502, 200|0.000, 0.000|0.001, " + time + "\n";
    } else {
      const char* status = i % 50 == 3 ? "500" : "200";
      text += std::string(track) + "|" + status + "|127.0.0.1:" + port + "|" + status + "|0.000|" +
              time + "\n";
    }
  }
  return text;
}

template <class Work>
double best_lines_per_second(const Work& work) {
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    best = std::max(best, lines_per_chunk * static_cast<double>(chunks) / took.count());
  }
  return best;
}

}  // namespace

int main() {
  const std::string chunk = make_chunk();
  linnet::local::AccessLogCounter counter(linnet::core::latency_boundaries({}),
                                          linnet::local::PortSet({7100}));
  const double counted = best_lines_per_second([&] {
    for (int i = 0; i < chunks; ++i) counter.consume(chunk);
  });
  std::size_t ends = 0;
  const double found = best_lines_per_second([&] {
    for (int i = 0; i < chunks; ++i) {
      const char* at = chunk.data();
      const char* const end = at + chunk.size();
      while (at < end) {
        at =
            static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at))) + 1;
        ++ends;
      }
    }
  });
  const auto& totals = counter.totals();
  const bool all = totals.lines == std::int64_t{lines_per_chunk} * chunks * rounds &&
                   totals.garbage == 0 && ends == static_cast<std::size_t>(totals.lines);
  std::printf("lines_per_second %.0f memchr %.0f\n", counted, found);
  if (!all) std::fprintf(stderr, "not every line was understood: %ld garbage\n", totals.garbage);
  return all ? 0 : 1;
}
