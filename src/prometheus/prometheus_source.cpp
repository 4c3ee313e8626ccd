#include "prometheus/prometheus_source.h"

#include <algorithm>
#include <map>

#include "prometheus/query_answer.h"

namespace linnet::prometheus {
namespace {

constexpr std::size_t most_remarks = 200;

std::string page_of(const recipes::Labels& labels) {
  std::string id;
  for (const char* name : {"job", "instance"})
    if (const auto found = labels.find(name); found != labels.end())
      id += (id.empty() ? "" : "/") + found->second;
  return id.empty() ? "all" : id;
}

/// Marks the elements of an answer that are no series but say when a target was scraped.
constexpr std::string_view mark = "linnet_says";

// An instant query's own times are all that of the query.
std::string with_times(const std::vector<std::string>& selectors) {
  const std::string all = fmt::format("{}", fmt::join(selectors, " or "));
  const std::string times = fmt::format("timestamp({})", fmt::join(selectors, ") or timestamp("));
  return fmt::format(R"({} or label_replace(max by (job, instance) ({}), "{}", "sampled", "", ""))",
                     all, times, mark);
}

std::optional<WallTime> time_of(double seconds) {
  if (!(seconds > 0 && seconds < 1e12)) return std::nullopt;
  return WallTime{static_cast<std::int64_t>(seconds * 1000)};
}

std::string seconds(WallTime at) { return fmt::format("{}.{:03}", at.ms / 1000, at.ms % 1000); }

}  // namespace

void Remarks::say(const std::string& text) {
  if (text.empty() || said_.size() >= most_remarks || !said_.insert(text).second) return;
  if (tell_) tell_({"trouble", "metrics: " + text});
}

void Remarks::say_all(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) say(text);
}

Baseline baseline_of(const std::string& cursor, bool& lost) {
  lost = false;
  if (cursor.empty()) return {};
  auto baseline = Baseline::parse(cursor);
  lost = !baseline;
  return baseline ? std::move(*baseline) : Baseline{};
}

Result<core::Sample> finished(Result<Counted> counted, bool lost,
                              const std::vector<double>& limits_ms, Remarks& remarks) {
  if (!counted) return fail(std::move(counted.error()));
  if (lost) remarks.say("the place where counting stood cannot be read; counting starts anew");
  remarks.say_all(counted->remarks);
  remarks.say(inexact_limits(counted->next, limits_ms));
  core::Sample sample = std::move(counted->sample);
  sample.lost = lost ? 1 : 0;
  sample.cursor = counted->next.text();
  if (sample.cursor.size() > Baseline::max_bytes)
    return fail(Code::invalid,
                "the recipe finds more series than can be kept: name the service more closely in "
                "metrics.with");
  return sample;
}

std::vector<Page> pages_of(const recipes::Roles& roles, const QueryAnswer& answer) {
  std::map<std::string, Page> pages;
  for (const recipes::Series& series : answer.series) {
    if (series.labels.contains(std::string(mark))) {
      const std::string id = page_of(series.labels);
      pages[id].id = id;
      pages[id].sampled = time_of(series.value);
      continue;
    }
    const std::vector<recipes::LabelView> labels(series.labels.begin(), series.labels.end());
    auto role = roles.of(series.metric, labels);
    if (!role) continue;
    const std::string id = page_of(series.labels);
    Page& page = pages[id];
    page.id = id;
    page.readings.push_back({key_of(series.metric, labels), std::move(*role), series.value});
  }
  std::vector<Page> all;
  for (auto& [id, page] : pages)
    if (!page.readings.empty()) all.push_back(std::move(page));
  return all;
}

PrometheusSource::PrometheusSource(Clock& clock, PrometheusOptions options, StoreClient client,
                                   Tell tell, recipes::Roles roles, std::string query)
    : clock_(clock),
      options_(std::move(options)),
      client_(std::move(client)),
      remarks_(std::move(tell)),
      roles_(std::move(roles)),
      query_(std::move(query)),
      counter_(CounterOptions{.boundaries_ms = options_.boundaries_ms}) {}

Result<std::unique_ptr<PrometheusSource>> PrometheusSource::make(Clock& clock,
                                                                 PrometheusOptions options,
                                                                 StoreClient client, Tell tell) {
  TRY(roles, options.recipe.roles(options.with));
  TRY(selectors, options.recipe.selectors(options.with));
  std::string query = with_times(selectors);
  return std::unique_ptr<PrometheusSource>(
      new PrometheusSource(clock, std::move(options), std::move(client), std::move(tell),
                           std::move(roles), std::move(query)));
}

Task<Result<std::vector<Page>>> PrometheusSource::ask(WallTime at, Deadline deadline) {
  const auto left = std::max<std::int64_t>(1, (deadline - clock_.now().mono).count());
  StoreRequest request;
  request.method = "POST";
  request.target = "/api/v1/query";
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                     {"Accept", "application/json"}};
  request.body =
      fmt::format("query={}&time={}&timeout={}ms", net::percent_encode(query_), seconds(at), left);
  const std::string doing = fmt::format("asking Prometheus at {}", client_.where());
  auto answer = co_await client_.send(std::move(request), deadline);
  if (!answer) co_return fail(std::move(answer.error()).while_doing(doing));
  auto read = read_query_answer(answer->status, answer->body);
  if (!read) co_return fail(std::move(read.error()).while_doing(doing));
  if (read->native_histograms > 0)
    remarks_.say(
        "the latencies are native histograms, which are not supported: have Prometheus scrape "
        "classic ones too (always_scrape_classic_histograms)");
  co_return pages_of(roles_, *read);
}

Task<Result<core::Sample>> PrometheusSource::since(std::string cursor, Deadline deadline) {
  bool lost = false;
  const Baseline before = baseline_of(cursor, lost);
  const Now now = clock_.now();
  if (!asked_ || now.mono - *asked_ >= options_.every) {
    // Never an instant before one that was counted: its counters would seem to have fallen.
    const WallTime at = std::max(now.wall, std::max(before.at, asked_for_));
    auto pages = co_await ask(at, deadline);
    if (!pages) co_return fail(std::move(pages.error()));
    last_ = std::move(*pages);
    asked_ = now.mono;
    asked_for_ = at;
  }
  auto counted = counter_.count(before, last_, asked_for_);
  co_return finished(std::move(counted), lost, options_.limits_ms, remarks_);
}

}  // namespace linnet::prometheus
