// Recorded pages of real data planes (recipes/metrics/testdata), and a thousand more made from them
// with everything that goes wrong, against an oracle that knows what was served.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <random>

#include "prometheus/json_source.h"
#include "prometheus/scrape_source.h"
#include "prometheus/testing.h"

namespace linnet::prometheus {
namespace {

using testing::boundaries;
using testing::built_in;
using testing::read_file;
using testing::shop;

std::string recorded(const std::string& name) {
  const std::string text = read_file("recipes/metrics/testdata/" + name);
  EXPECT_FALSE(text.empty()) << name;
  return text;
}

/// The sample between two pages of one process.
core::Sample between(const recipes::MetricRecipe& recipe, const recipes::Parameters& with,
                     const std::string& first, const std::string& second) {
  const auto roles = recipe.roles(with);
  EXPECT_TRUE(roles) << roles.error().message;
  const ScrapeTarget target{"pod", "", {}};
  const SeriesCounter counter(CounterOptions{.boundaries_ms = boundaries});
  const std::vector<Page> before{read_page(*roles, target, first).value()};
  const std::vector<Page> after{read_page(*roles, target, second).value()};
  const auto baseline = counter.count({}, before, {1000}).value();
  EXPECT_EQ(baseline.sample.stable.requests, 0);
  return counter.count(baseline.next, after, {2000}).value().sample;
}

std::int64_t total(const std::vector<std::int64_t>& counts) {
  std::int64_t sum = 0;
  for (const std::int64_t count : counts) sum += count;
  return sum;
}

recipes::Parameters of_namespace(const std::string& name) {
  recipes::Parameters with = shop();
  with["namespace"] = {name};
  return with;
}

TEST(RecordedIngressNginx, ACanaryThatPartlyFailed) {
  const core::Sample sample =
      between(built_in("ingress-nginx"), of_namespace("f1"),
              recorded("ingress-nginx/partly-t4.txt"), recorded("ingress-nginx/partly-t7.txt"));
  EXPECT_EQ(sample.stable.requests, 14314 - 11660);
  EXPECT_EQ(sample.stable.bad, 0);
  EXPECT_EQ(sample.canary.requests, 49 + 129 - 95);  // its series of 200 is new
  EXPECT_EQ(sample.canary.bad, 129 - 95);
  EXPECT_EQ(total(sample.canary.latency), sample.canary.requests);
  EXPECT_EQ(total(sample.stable.latency), sample.stable.requests);
}

TEST(RecordedIngressNginx, ACanaryThatFailedEveryRequest) {
  const core::Sample sample =
      between(built_in("ingress-nginx"), of_namespace("f5"),
              recorded("ingress-nginx/failing-t1.txt"), recorded("ingress-nginx/failing-t8.txt"));
  EXPECT_GT(sample.canary.requests, 0);
  EXPECT_EQ(sample.canary.bad, sample.canary.requests);
  EXPECT_EQ(sample.stable.bad, 0);
}

TEST(RecordedIngressNginx, AnotherReleaseOnTheSamePageIsNotOurs) {
  const core::Sample sample =
      between(built_in("ingress-nginx"), of_namespace("f2"),
              recorded("ingress-nginx/partly-t1.txt"), recorded("ingress-nginx/partly-t8.txt"));
  EXPECT_EQ(sample.stable.requests + sample.canary.requests, 0);
}

// ---- The test data of every recipe
// ----------------------------------------------------------------

namespace js = boost::json;

std::string text_of(const js::value& json) {
  return std::string(std::string_view(json.as_string()));
}

/// recipes/metrics/testdata/NAME/expected.json: the parameters, the files, and what they say.
class RecipeData : public ::testing::TestWithParam<std::string> {
 protected:
  RecipeData()
      : recipe(built_in(GetParam())),
        expected(js::parse(recorded(GetParam() + "/expected.json")).as_object()) {
    for (const auto& [name, value] : expected.at("with").as_object())
      with[std::string(name)] = {text_of(value)};
  }
  std::string file(const js::value& name) const {
    return recorded(GetParam() + "/" + text_of(name));
  }
  void check(const std::vector<Page>& before, const std::vector<Page>& after) const {
    const SeriesCounter counter(CounterOptions{.boundaries_ms = boundaries});
    const auto first = counter.count({}, before, {1000}).value();
    EXPECT_EQ(first.remarks, std::vector<std::string>{});
    const core::Sample sample = counter.count(first.next, after, {2000}).value().sample;
    for (const auto& [name, counts] :
         {std::pair<const char*, const core::Counts*>{"stable", &sample.stable},
          {"canary", &sample.canary}}) {
      const js::object& wanted = expected.at(name).as_object();
      EXPECT_EQ(counts->requests, wanted.at("requests").as_int64()) << name;
      EXPECT_EQ(counts->bad, wanted.at("bad").as_int64()) << name;
      EXPECT_GT(total(counts->latency), 0) << name;
    }
    const auto* pods = expected.if_contains("stable_pods");
    EXPECT_EQ(static_cast<std::int64_t>(sample.stable_instances.size()),
              pods == nullptr ? 0 : pods->as_int64());
  }
  recipes::MetricRecipe recipe;
  js::object expected;
  recipes::Parameters with;
};

TEST_P(RecipeData, SaysWhatIsExpected) {
  if (recipe.json() != nullptr) {
    const auto& query = recipe.json()->queries.at(2);  // the canary's requests
    const recipes::JsonWindow window{{1'760'000'000'000}, {1'760'000'060'000}, {1'760'000'300'000}};
    recipes::Parameters all = with;
    for (const auto& parameter : recipe.parameters())
      if (parameter.fallback) all.try_emplace(parameter.name, *parameter.fallback);
    const auto request = render(*recipe.json(), query, all, window);
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_EQ(request->method, text_of(expected.at("method")));
    EXPECT_EQ(request->target, text_of(expected.at("target")));
    EXPECT_EQ(request->body, text_of(expected.at("body")));
    const auto number = number_of(*recipe.json(), file(expected.at("answer")));
    ASSERT_TRUE(number) << number.error().message;
    EXPECT_EQ(*number, expected.at("number").as_int64());
    return;
  }
  const auto roles = recipe.roles(with);
  ASSERT_TRUE(roles) << roles.error().message;
  std::vector<Page> before, after;
  for (const js::value& page : expected.at("pages").as_array()) {
    ScrapeTarget target{text_of(page.at("id")), "", {}};
    if (const auto* labels = page.as_object().if_contains("labels"))
      for (const auto& [name, value] : labels->as_object())
        target.labels[std::string(name)] = text_of(value);
    before.push_back(read_page(*roles, target, file(page.at("before"))).value());
    after.push_back(read_page(*roles, target, file(page.at("after"))).value());
  }
  check(before, after);
  const auto* answers = expected.if_contains("answers");
  if (answers == nullptr) return;
  const auto first = read_query_answer(200, file(answers->at(0))).value();
  const auto second = read_query_answer(200, file(answers->at(1))).value();
  check(pages_of(*roles, first), pages_of(*roles, second));
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto& [name, text] : recipes::built_in_metrics()) all.push_back(name);
  return all;
}

std::string test_name(const ::testing::TestParamInfo<std::string>& one) {
  std::string name = one.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Recipes, RecipeData, ::testing::ValuesIn(names()), test_name);

// ---- A thousand scrapes
// ---------------------------------------------------------------------------

/// A controller whose pages look like the recorded one: its lines, with numbers of our own.
class FakeController {
 public:
  FakeController(const std::string& page, std::mt19937& random) : random_(random) {
    std::size_t at = 0;
    while (at < page.size()) {
      const std::size_t end = page.find('\n', at);
      const std::string line = page.substr(at, end - at);
      at = end + 1;
      if (line.empty() || line[0] == '#') continue;
      const std::string head = line.substr(0, line.rfind(' '));
      const std::string series = without_le(head.substr(head.find('{')));
      const std::string metric = head.substr(0, head.find('{'));
      if (metric.ends_with("_requests")) requests_[series].head = head;
      if (metric.ends_with("_bucket")) requests_[series].buckets.push_back(head);
    }
    begin();
  }

  /// One kind of request: its counter, its buckets, and what was counted in this life.
  struct Kind {
    std::string head;
    std::vector<std::string> buckets;
    std::int64_t count = 0;
    std::vector<std::int64_t> per_bucket;
    [[nodiscard]] bool bad() const { return head.find("status=\"5") != std::string::npos; }
    [[nodiscard]] bool canary() const { return head.find("canary=\"\"") == std::string::npos; }
  };

  void begin() {
    ++life;
    for (auto& [series, kind] : requests_) {
      kind.count = 0;
      kind.per_bucket.assign(kind.buckets.size(), 0);
    }
  }

  void serve() {
    for (auto& [series, kind] : requests_)
      for (int more = static_cast<int>(random_() % (kind.canary() ? 4 : 40)); more > 0; --more) {
        ++kind.count;
        ++kind.per_bucket[random_() % kind.buckets.size()];
      }
  }

  /// What went wrong with the lines of one kind on one page.
  enum class Damage { none, nan, negative, twice, huge };
  std::string page(std::map<std::string, Damage>& damage) {
    std::string text = "# HELP x y\n";
    for (const auto& [series, kind] : requests_) {
      if (kind.count == 0) continue;  // a series appears with its first request
      const Damage how =
          random_() % 12 == 0 ? static_cast<Damage>(1 + random_() % 4) : Damage::none;
      damage[series] = how;
      text += line(kind.head, kind.count, how);
      std::int64_t sum = 0;
      for (std::size_t i = 0; i < kind.buckets.size(); ++i)
        text += line(kind.buckets[i], sum += kind.per_bucket[i], how);
    }
    // 10 s apart, so that a start tells the lives apart.
    return text + "process_start_time_seconds " + std::to_string(1'700'000'000 + life * 10) + "\n";
  }

  [[nodiscard]] const std::map<std::string, Kind>& kinds() const { return requests_; }
  int life = 0;

 private:
  static std::string without_le(std::string labels) {
    const std::size_t at = labels.find(",le=");
    return at == std::string::npos ? labels : labels.substr(0, at) + "}";
  }
  std::string line(const std::string& head, std::int64_t value, Damage how) {
    switch (how) {
      case Damage::none: break;
      case Damage::nan: return head + " NaN\n";
      case Damage::negative: return head + " -3\n";
      case Damage::huge: return head + " 1e300\n";
      case Damage::twice:
        return head + " " + std::to_string(value) + "\n" + head + " " +
               std::to_string(value + random_() % 100) + "\n";
    }
    return head + " " + std::to_string(value) + (random_() % 2 == 0 ? " 1760000000000\n" : "\n");
  }

  std::mt19937& random_;
  std::map<std::string, Kind> requests_;
};

/// What must have been counted, from what was served and which readings were good.
class Oracle {
 public:
  void read(const FakeController& from,
            const std::map<std::string, FakeController::Damage>& damage) {
    using Damage = FakeController::Damage;
    for (const auto& [series, kind] : from.kinds()) {
      const auto found = damage.find(series);
      const bool there = found != damage.end();
      State& state = states_[series];
      // The first page of the first life is where counting begins.
      const bool good = there && (found->second == Damage::none || found->second == Damage::twice);
      if (!begun_) state.waits = there && !good;
      if (life_ != from.life) state.base = {}, state.waits = false;
      if (!good) continue;
      if (!begun_ || state.waits) {
        state.base = kind;
        state.waits = false;
        continue;
      }
      add(kind, state.base);
      state.base = kind;
    }
    begun_ = true;
    life_ = from.life;
  }
  core::Counts stable, canary;

 private:
  struct State {
    FakeController::Kind base;
    bool waits = false;
  };
  void add(const FakeController::Kind& now, const FakeController::Kind& before) {
    core::Counts& counts = now.canary() ? canary : stable;
    counts.requests += now.count - before.count;
    if (now.bad()) counts.bad += now.count - before.count;
    for (std::size_t i = 0; i < now.per_bucket.size(); ++i)
      in_buckets += now.per_bucket[i] - (before.per_bucket.empty() ? 0 : before.per_bucket[i]);
  }
  std::map<std::string, State> states_;
  bool begun_ = false;
  int life_ = 1;

 public:
  std::int64_t in_buckets = 0;
};

struct Totals {
  core::Counts stable, canary;
  void add(const core::Sample& sample) {
    for (auto [to, from] : {std::pair{&stable, &sample.stable}, {&canary, &sample.canary}}) {
      to->requests += from->requests;
      to->bad += from->bad;
      to->latency.resize(from->latency.size());
      for (std::size_t i = 0; i < from->latency.size(); ++i) to->latency[i] += from->latency[i];
    }
  }
};

// Two controllers; restarts, pages that fail or are cut, NaN, negative and huge numbers, series
// that are there twice, series that appear later, and crashes of linnet itself.
TEST(ThousandScrapes, EveryCountIsRight) {
  const std::string model = recorded("ingress-nginx/partly-t7.txt");
  const auto roles = built_in("ingress-nginx").roles(of_namespace("f1")).value();
  const SeriesCounter counter(CounterOptions{.boundaries_ms = boundaries});
  std::int64_t read = 0, compared = 0, wrong = 0;  // for `./dev bench cluster counts`
  const auto compare = [&](std::int64_t count, std::int64_t expected) {
    EXPECT_EQ(count, expected);
    compared += count;
    wrong += std::abs(count - expected);
  };
  for (const unsigned seed : {1U, 2U, 3U}) {
    std::mt19937 random(seed);
    FakeController controllers[2] = {{model, random}, {model, random}};
    ASSERT_EQ(controllers[0].kinds().size(), 3U);
    Oracle oracles[2];
    Totals totals, saved_totals;
    Baseline baseline;
    std::string saved;
    bool may_crash = true;
    WallTime at{1'760'000'000'000};
    for (int scrape = 0; scrape < 1000; ++scrape, at.ms += 1000) {
      std::vector<Page> pages;
      for (int i = 0; i < 2; ++i) {
        controllers[i].serve();
        std::map<std::string, FakeController::Damage> damage;
        std::string text = controllers[i].page(damage);
        const bool cut = scrape > 0 && random() % 20 == 0;
        if (cut) text.resize(text.size() - 1 - random() % (text.size() / 2));
        const bool failed = scrape > 0 && random() % 10 == 0;
        const auto page = read_page(roles, {"controller-" + std::to_string(i), "", {}}, text);
        EXPECT_TRUE(cut || page) << page.error().message;
        if (!cut && !failed) oracles[i].read(controllers[i], damage);
        if (!cut && !failed) pages.push_back(*page), ++read;
        // What a life had when it ended, and what a crash took back of it, nobody can know.
        if (random() % 50 == 0) controllers[i].begin(), may_crash = false;
      }
      const auto counted = counter.count(baseline, pages, at);
      ASSERT_TRUE(counted) << counted.error().message;
      totals.add(counted->sample);
      baseline = counted->next;
      if (may_crash && scrape > 0 && random() % 10 == 0)
        baseline = Baseline::parse(saved).value(), totals = saved_totals;
      if (random() % 7 == 0 || scrape == 0) {
        saved = baseline.text();
        saved_totals = totals;
        may_crash = true;
      }
    }
    // What a crash took back comes with the next good page; see that there is one.
    std::vector<Page> last;
    for (int i = 0; i < 2; ++i) {
      std::map<std::string, FakeController::Damage> damage;
      std::string text = controllers[i].page(damage);
      oracles[i].read(controllers[i], damage);
      last.push_back(read_page(roles, {"controller-" + std::to_string(i), "", {}}, text).value());
    }
    totals.add(counter.count(baseline, last, at).value().sample);
    compare(totals.stable.requests, oracles[0].stable.requests + oracles[1].stable.requests);
    compare(totals.stable.bad, 0);
    compare(totals.canary.requests, oracles[0].canary.requests + oracles[1].canary.requests);
    compare(totals.canary.bad, oracles[0].canary.bad + oracles[1].canary.bad);
    compare(total(totals.stable.latency) + total(totals.canary.latency),
            oracles[0].in_buckets + oracles[1].in_buckets);
    EXPECT_GT(totals.canary.bad, 1000);
  }
  RecordProperty("pages", std::to_string(read));
  RecordProperty("counted", std::to_string(compared));
  RecordProperty("wrong", std::to_string(wrong));
}

// ---- Two servers and a canary whose series begin anew
// ---------------------------------------------

/// What one server has of the controller's page, and when it read it.
struct Scraped {
  WallTime at;
  std::int64_t stable = 0, canary = 0, bad = 0;
  int life = 0;  // of the canary's series
  [[nodiscard]] Page page() const {
    const auto reading = [](SeriesKey key, core::Track track, bool failed, std::int64_t value) {
      using Kind = recipes::Role::Counts;
      const recipes::Role role{track, failed ? Kind::bad_requests : Kind::requests, 0, ""};
      return Reading{key, role, static_cast<double>(value)};
    };
    Page one;
    one.id = "controller";
    one.sampled = at;
    one.readings = {reading(1, core::Track::stable, false, stable),
                    reading(2, core::Track::canary, false, canary),
                    reading(3, core::Track::canary, true, bad)};
    return one;
  }
};

// Each server scrapes in its own rhythm, a load balancer chooses whom to ask; a release every few
// minutes, with which the canary's series begin anew; crashes of linnet itself.
TEST(ThousandScrapes, OfTwoServersAndThreeReleasesCountOnce) {
  for (const unsigned seed : {1U, 2U, 3U, 4U}) {
    std::mt19937 random(seed);
    const SeriesCounter counter(CounterOptions{.boundaries_ms = boundaries});
    Scraped now{{1'760'000'000'000}, 100'000, 480, 20, 0};
    Scraped servers[2] = {now, now};
    const int every = seed % 2 == 0 ? 15 : 1;
    // The truth: of what was answered, each step forward in time.
    Scraped last = now;
    Totals expected, totals, saved_totals;
    Baseline baseline = counter.count({}, std::vector<Page>{now.page()}, now.at).value().next;
    std::string saved = baseline.text();
    saved_totals.add({});
    int held = 0, most_held = 0;
    for (int turn = 1; turn <= 1000; ++turn) {
      now.at.ms += 1000;
      now.stable += static_cast<std::int64_t>(random() % 40);
      if (turn % 330 == 0) now.canary = 0, now.bad = 0, ++now.life;
      now.canary += static_cast<std::int64_t>(random() % 4);
      now.bad += static_cast<std::int64_t>(random() % 2);
      for (int i = 0; i < 2; ++i)
        if (turn % every == i * (every / 2)) {
          servers[i] = now;
          servers[i].at.ms -= static_cast<std::int64_t>(random() % 300);
        }
      const Scraped& answer = servers[random() % 2];
      if (answer.at >= last.at) {
        const bool anew = answer.life != last.life;
        expected.stable.requests += answer.stable - last.stable;
        expected.canary.requests += answer.canary - (anew ? 0 : last.canary);
        expected.canary.requests += answer.bad - (anew ? 0 : last.bad);
        expected.canary.bad += answer.bad - (anew ? 0 : last.bad);
        held = 0;
        last = answer;
      }
      most_held = std::max(most_held, held++);
      const std::vector<Page> pages{answer.page()};
      auto counted = counter.count(baseline, pages, now.at).value();
      totals.add(counted.sample);
      baseline = std::move(counted.next);
      // Where the canary's series ended meanwhile, what a crash takes back nobody can know.
      const bool may_crash = (turn % 330) > 60;
      if (may_crash && random() % 10 == 0)
        baseline = Baseline::parse(saved).value(), totals = saved_totals;
      if (!may_crash || random() % 7 == 0) saved = baseline.text(), saved_totals = totals;
    }
    totals.add(counter.count(baseline, std::vector<Page>{last.page()}, now.at).value().sample);
    EXPECT_EQ(totals.stable.requests, expected.stable.requests) << seed;
    EXPECT_EQ(totals.canary.requests, expected.canary.requests) << seed;
    EXPECT_EQ(totals.canary.bad, expected.canary.bad) << seed;
    EXPECT_GT(expected.canary.bad, 300);
    EXPECT_LT(most_held, 30) << "an answer that is behind was given for long: of the test";
  }
}

}  // namespace
}  // namespace linnet::prometheus
