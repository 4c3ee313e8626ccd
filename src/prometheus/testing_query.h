// A stand-in of Prometheus that knows the counters of one service, and a source over it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/imposter.h"
#include "prometheus/prometheus_source.h"
#include "prometheus/testing.h"

namespace linnet::prometheus::testing {

struct Counters {
  std::int64_t good = 0, bad = 0, slow = 0;
};

inline std::string element(const std::string& metric, const std::string& labels,
                           std::int64_t value) {
  return fmt::format(
      R"({{"metric":{{"__name__":"{}","job":"ingress","instance":"10.0.0.1:10254",)"
      R"("exported_namespace":"shop","namespace":"ingress-nginx","ingress":"web","service":"web",{}}},)"
      R"("value":[1760000000,"{}"]}})",
      metric, labels, value);
}

/// `sampled_s`: when the target was scraped.
inline std::string answer_of(const Counters& stable, const Counters& canary, double sampled_s) {
  std::string all = fmt::format(
      R"({{"metric":{{"job":"ingress","instance":"10.0.0.1:10254","linnet_says":"sampled"}},)"
      R"("value":[1760000000,"{:.3f}"]}})",
      sampled_s);
  for (const auto& [label, counters] :
       {std::pair<std::string, const Counters&>{"", stable}, {"shop-web-canary-80", canary}}) {
    const std::string track = fmt::format(R"("canary":"{}")", label);
    const std::string metric = "nginx_ingress_controller_requests";
    const std::string latency = "nginx_ingress_controller_request_duration_seconds_bucket";
    const std::int64_t sum = counters.good + counters.bad + counters.slow;
    for (const std::string& one :
         {element(metric, track + R"(,"status":"200")", counters.good + counters.slow),
          element(metric, track + R"(,"status":"500")", counters.bad),
          element(latency, track + R"(,"le":"1")", counters.good + counters.bad),
          element(latency, track + R"(,"le":"+Inf")", sum)})
      all += "," + one;
  }
  return R"({"status":"success","data":{"resultType":"vector","result":[)" + all + "]}}";
}

inline Task<net::ServerResponse> answer_with(std::string body, int status,
                                             std::string type = "application/json") {
  net::ServerResponse response;
  response.status = status;
  response.body = std::move(body);
  response.content_type = std::move(type);
  co_return response;
}

struct QueryWorld {
  explicit QueryWorld(boost::asio::io_context& context) : io(context), imposter(context) {
    curl = net::Curl::load(io.get_executor()).value();
    imposter.answer = [this](const net::ServerRequest&, std::size_t) {
      const double sampled_s = static_cast<double>(clock.now().wall.ms) / 1000 - behind_s;
      return answer_with(body.empty() ? answer_of(stable, canary, sampled_s) : body, status);
    };
    open();
  }
  void open() {
    core::Metrics metrics;
    metrics.address = imposter.url("/prometheus/");
    StoreClient client([this]() -> Result<net::Curl*> { return curl.get(); }, clock, metrics, "",
                       read_secret_file);
    auto tell = [this](const core::Entry& entry) { told.push_back(entry.text); };
    PrometheusOptions options{built_in("ingress-nginx"), shop(), boundaries, {1000}, 1s};
    source = PrometheusSource::make(clock, options, std::move(client), tell).value();
  }
  boost::asio::io_context& io;
  ManualClock clock;
  net::Imposter imposter;
  std::unique_ptr<net::Curl> curl;
  Counters stable, canary;
  double behind_s = 0.2;  // its scrape, of the question
  std::string body;
  int status = 200;
  std::vector<std::string> told;
  std::unique_ptr<PrometheusSource> source;
};

}  // namespace linnet::prometheus::testing
