// PrometheusSource against a real Prometheus, which scrapes a page of ours.
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "contract/run_task.h"
#include "net/imposter.h"
#include "prometheus/testing_query.h"
#include "runtime/clock.h"

extern char** environ;

namespace linnet::prometheus {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono;

/// Debian's prometheus on a port of its own, gone with this object.
class PrometheusProcess {
 public:
  explicit PrometheusProcess(std::uint16_t scraped) {
    net::SilentPort free(false);
    port = free.port();
    free.close();
    folder_ = fs::path(::testing::TempDir()) / ("linnet-prometheus-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    const std::string config = (folder_ / "prometheus.yml").string();
    std::ofstream(config) << fmt::format(
        "global: {{ scrape_interval: 200ms, scrape_timeout: 200ms }}\n"
        "scrape_configs:\n"
        "  - job_name: ingress\n"
        "    static_configs: [{{ targets: [\"127.0.0.1:{}\"], labels: {{ namespace: infra }} }}]\n",
        scraped);
    std::vector<std::string> words{"prometheus", "--config.file=" + config,
                                   "--storage.tsdb.path=" + (folder_ / "data").string(),
                                   fmt::format("--web.listen-address=127.0.0.1:{}", port),
                                   "--log.level=error"};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    started = ::posix_spawnp(&pid_, "prometheus", nullptr, nullptr, arguments.data(), environ) == 0;
  }
  ~PrometheusProcess() {
    if (started) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  PrometheusProcess(const PrometheusProcess&) = delete;
  PrometheusProcess& operator=(const PrometheusProcess&) = delete;
  std::uint16_t port = 0;
  bool started = false;

 private:
  fs::path folder_;
  pid_t pid_ = 0;
};

struct RealPrometheus : ::testing::Test {
  RealPrometheus() {
    imposter.answer = [this](const net::ServerRequest&, std::size_t) {
      return testing::answer_with(page(), 200, "text/plain; version=0.0.4");
    };
  }
  void open(const recipes::MetricRecipe& recipe, std::uint16_t port) {
    core::Metrics metrics;
    metrics.address = fmt::format("http://127.0.0.1:{}", port);
    StoreClient client([this]() -> Result<net::Curl*> { return curl.get(); }, clock, metrics, "",
                       read_secret_file);
    recipes::Parameters with = testing::shop();
    with["route"] = {"web", "web.api"};  // several: regular expressions
    PrometheusOptions options{recipe, with, testing::boundaries, {1000}, 0s};
    source = PrometheusSource::make(clock, options, std::move(client), {}).value();
  }
  std::string page() const {
    const std::string labels =
        R"(namespace="shop",ingress="web",service="web",canary="shop-web-canary-80")";
    const auto line = [&](const char* metric, const std::string& more, int value) {
      return fmt::format("{}{{{},{}}} {}\n", metric, labels, more, value);
    };
    const char* requests = "nginx_ingress_controller_requests";
    const char* latency = "nginx_ingress_controller_request_duration_seconds_bucket";
    std::string text = line(requests, R"(status="200")", good);
    if (bad > 0) text += line(requests, R"(status="500")", bad);
    return text + line(latency, R"(le="1")", good) + line(latency, R"(le="+Inf")", good + bad);
  }
  /// Asks until `enough` or for 20 s.
  template <class Enough>
  core::Sample until(const std::string& cursor, Enough enough) {
    const auto end = steady_clock::now() + 20s;
    core::Sample sample;
    do {
      io.restart();
      io.run_for(milliseconds(100));  // Prometheus is answered meanwhile
      const auto asked = contract::run(io, source->since(cursor, clock.now().mono + 2s));
      trouble = asked ? "" : asked.error().message;
      if (asked) sample = *asked;
      if (asked && enough(sample)) return sample;
    } while (steady_clock::now() < end);
    ADD_FAILURE() << "not within 20 s; " << trouble;
    return sample;
  }
  boost::asio::io_context io;
  net::Imposter imposter{io};
  runtime::SystemClock clock;
  std::unique_ptr<net::Curl> curl = net::Curl::load(io.get_executor()).value();
  std::unique_ptr<PrometheusSource> source;
  std::string trouble;
  int good = 1000, bad = 0;
};

TEST_F(RealPrometheus, CountsWhatItScraped) {
  const PrometheusProcess prometheus(imposter.port());
  if (!prometheus.started) GTEST_SKIP() << "there is no prometheus: apt-get install prometheus";
  open(testing::built_in("ingress-nginx"), prometheus.port);

  const auto begun = [](const core::Sample& sample) {
    return sample.cursor.find("ingress/127.0.0.1") != std::string::npos;
  };
  const std::string start = until("", begun).cursor;
  good += 70;
  bad += 5;  // a series that was not there
  const auto all = [](std::int64_t requests) {
    return [requests](const core::Sample& sample) { return sample.canary.requests >= requests; };
  };
  core::Sample sample = until(start, all(75));
  EXPECT_EQ(sample.canary.requests, 75);
  EXPECT_EQ(sample.canary.bad, 5);
  EXPECT_EQ(sample.canary.latency.back(), 5);
  good = 8;  // the controller was started again
  bad = 1;
  sample = until(sample.cursor, all(9));
  EXPECT_EQ(sample.canary.requests, 9);
  EXPECT_EQ(sample.canary.bad, 1);
}

TEST_F(RealPrometheus, UnderstandsTheQueryOfEveryRecipe) {
  const PrometheusProcess prometheus(imposter.port());
  if (!prometheus.started) GTEST_SKIP() << "there is no prometheus: apt-get install prometheus";
  for (const auto& [name, text] : recipes::built_in_metrics()) {
    const recipes::MetricRecipe recipe = testing::built_in(name);
    if (recipe.json() != nullptr) continue;
    open(recipe, prometheus.port);
    until("", [](const core::Sample&) { return true; });
    EXPECT_EQ(trouble, "") << name << ": " << source->query();
  }
}

}  // namespace
}  // namespace linnet::prometheus
