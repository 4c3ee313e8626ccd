#include "prometheus/scrape_source.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "prometheus/exposition.h"
#include "runtime/task_group.h"
#include "runtime/with_deadline.h"

namespace linnet::prometheus {
namespace {

constexpr std::string_view start_time = "process_start_time_seconds";

/// A uid says nothing to anybody.
std::string name_of(const ScrapeTarget& target) {
  const auto pod = target.labels.find("pod");
  return pod == target.labels.end() ? target.id : "pod " + pod->second;
}

/// Where a task of the group leaves its answer; lives in the coroutine that joins it.
struct Fetched {
  Result<std::string> text = fail(Code::internal, "not asked");
};

Task<void> fetch_into(Fetch fetch, ScrapeTarget target, Deadline deadline, Duration limit,
                      Fetched* to) {
  auto reading = fetch(std::move(target), deadline);
  auto text = co_await runtime::with_deadline(std::move(reading), limit, "reading it");
  to->text = std::move(text);
}

}  // namespace

Result<Page> read_page(const recipes::Roles& roles, const ScrapeTarget& target,
                       std::string_view text) {
  Page page;
  page.id = target.id;
  page.name = name_of(target);
  std::vector<recipes::LabelView> labels;
  const auto wanted = [&](std::string_view metric) {
    return roles.wants(metric) || metric == start_time;
  };
  const auto take = [&](const Line& line) {
    if (line.metric == start_time) {
      page.started_s = line.value;
      return;
    }
    labels.assign(line.labels.begin(), line.labels.end());
    for (const auto& [name, value] : target.labels) {
      const bool there = std::any_of(labels.begin(), labels.end(),
                                     [&](const auto& label) { return label.first == name; });
      if (!there) labels.emplace_back(name, value);
    }
    auto role = roles.of(line.metric, labels);
    if (role)
      page.readings.push_back({key_of(line.metric, line.labels), std::move(*role), line.value});
  };
  TRY_VOID(read_exposition(text, wanted, take));
  return page;
}

ScrapeSource::ScrapeSource(Clock& clock, ScrapeOptions options, Targets targets, Fetch fetch,
                           Tell tell, recipes::Roles roles)
    : clock_(clock),
      options_(std::move(options)),
      targets_(std::move(targets)),
      fetch_(std::move(fetch)),
      remarks_(std::move(tell)),
      roles_(std::move(roles)),
      counter_(CounterOptions{.boundaries_ms = options_.boundaries_ms}) {}

Result<std::unique_ptr<ScrapeSource>> ScrapeSource::make(Clock& clock, ScrapeOptions options,
                                                         Targets targets, Fetch fetch, Tell tell) {
  TRY(roles, options.recipe.roles(options.with));
  return std::unique_ptr<ScrapeSource>(new ScrapeSource(clock, std::move(options),
                                                        std::move(targets), std::move(fetch),
                                                        std::move(tell), std::move(roles)));
}

void ScrapeSource::note(const std::string& id, const Result<Page>& page) {
  auto state = std::find_if(states_.begin(), states_.end(),
                            [&](const PageState& one) { return one.id == id; });
  if (state == states_.end()) state = states_.insert(state, {id, {}, {}});
  state->trouble = page ? "" : page.error().message;
  if (page) state->read = clock_.now().mono;
}

void ScrapeSource::drop_states(const std::vector<ScrapeTarget>& targets) {
  std::erase_if(states_, [&](const PageState& state) {
    return std::none_of(targets.begin(), targets.end(),
                        [&](const ScrapeTarget& target) { return target.id == state.id; });
  });
}

Task<Result<core::Sample>> ScrapeSource::since(std::string cursor, Deadline deadline) {
  bool lost = false;
  const Baseline before = baseline_of(cursor, lost);
  CO_TRY(targets, targets_());
  if (targets.empty())
    co_return fail(Code::unavailable, "there is no pod whose metrics could be read");
  if (targets.size() > options_.most_targets)
    co_return fail(Code::invalid, "{} metrics pages, more than the {} that are read each turn",
                   targets.size(), options_.most_targets);
  std::vector<Fetched> fetched(targets.size());
  const MonoTime now = clock_.now().mono;
  const Duration limit = std::min(options_.page_limit, deadline - now);
  const auto executor = co_await boost::asio::this_coro::executor;
  runtime::TaskGroup group(executor);
  for (std::size_t i = 0; i < targets.size(); ++i)
    group.spawn("metrics page", fetch_into(fetch_, targets[i], now + limit, limit, &fetched[i]));
  co_await group.join();

  std::vector<Page> pages;
  std::string first_trouble;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    auto page = fetched[i].text ? read_page(roles_, targets[i], *fetched[i].text)
                                : Result<Page>(fail(fetched[i].text.error()));
    note(targets[i].id, page);
    if (page)
      pages.push_back(std::move(*page));
    else if (first_trouble.empty())
      first_trouble = fmt::format("{}: {}", name_of(targets[i]), page.error().message);
  }
  drop_states(targets);
  if (pages.empty())
    co_return fail(Code::unavailable, "none of {} metrics pages could be read; {}", targets.size(),
                   first_trouble);
  if (!first_trouble.empty()) remarks_.say("a page could not be read; " + first_trouble);
  auto counted = counter_.count(before, pages, clock_.now().wall);
  co_return finished(std::move(counted), lost, options_.limits_ms, remarks_);
}

}  // namespace linnet::prometheus
