// The access log: a line's numbers are bounded, and wherever the reader happens to cut the log, it
// counts the same.
#include "fuzz/fuzz.h"
#include "local/access_log_counters.h"

using namespace linnet;

namespace {

const std::vector<std::uint16_t> canary_ports{7101, 7102};
const std::vector<std::uint16_t> stable_ports{7000, 7001};

local::AccessLogCounter a_counter() {
  return {{5, 100, 1000}, local::PortSet(canary_ports), stable_ports};
}

void check_line(std::string_view line) {
  static const local::PortSet canary(canary_ports);
  local::LogLine seen;
  if (local::parse_log_line(line, canary, seen) != local::LineKind::request) return;
  CHECK(seen.status >= 100 && seen.status <= 999);
  CHECK(seen.latency_ms >= -1 && seen.latency_ms <= 2'000'000'000);
  CHECK(!seen.fell_back || seen.track == core::Track::stable);
  if (seen.track == core::Track::canary && seen.port != 0) CHECK(canary.has(seen.port));
}

// Whole, as the tail hands it over, in pieces that end anywhere.
local::Counters count(std::string_view text, std::size_t piece) {
  local::AccessLogCounter counter = a_counter();
  std::string pending;
  while (!text.empty()) {
    pending += text.substr(0, piece);
    text.remove_prefix(std::min(piece, text.size()));
    const std::size_t used = counter.consume(pending);
    CHECK(used <= pending.size());
    pending.erase(0, used);
  }
  return counter.totals();
}

bool same(const local::Counters& a, const local::Counters& b) {
  return a.stable == b.stable && a.canary == b.canary && a.stable_slots == b.stable_slots &&
         a.lines == b.lines && a.unrouted == b.unrouted && a.garbage == b.garbage &&
         a.fell_back == b.fell_back;
}

void check_sums(const core::Counts& counts) {
  CHECK(counts.bad >= 0 && counts.bad <= counts.requests);
  std::int64_t sum = 0;
  for (const std::int64_t one : counts.latency) sum += one;
  CHECK(sum <= counts.requests);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t piece = 1 + input.byte();
  const std::string_view text = input.rest();
  check_line(text.substr(0, text.find('\n')));
  const local::Counters whole = count(text, text.size() + 1);
  CHECK(same(whole, count(text, piece)));
  check_sums(whole.stable);
  check_sums(whole.canary);
  CHECK(whole.lines ==
        whole.stable.requests + whole.canary.requests + whole.unrouted + whole.garbage);
  CHECK(whole.fell_back <= whole.stable.requests);
  return 0;
}
