// What the tests of this folder share: a clock that moves when it is told to, recorded files, pages
// written from numbers.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "ports/ports.h"
#include "recipes/metric.h"

namespace linnet::prometheus::testing {

class ManualClock final : public Clock {
 public:
  Now now() override { return now_; }
  void pass(Duration time) {
    now_.wall.ms += time.count();
    now_.mono.ms += time.count();
  }
  [[nodiscard]] Deadline soon() const { return now_.mono + 5s; }

 private:
  Now now_{{1'760'000'000'000}, {1'000'000}};
};

inline std::string read_file(const std::string& path) {
  std::ifstream file(std::string(LINNET_SOURCE_DIR) + "/" + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline recipes::MetricRecipe built_in(const std::string& name) {
  return recipes::MetricRecipe::read(recipes::built_in_metrics().at(name), name).value();
}

inline recipes::Parameters shop() {
  return {{"namespace", {"shop"}},        {"release", {"web"}},
          {"ingress", {"web"}},           {"canary_service", {"web-canary"}},
          {"stable_service", {"web"}},    {"port", {"80"}},
          {"stable_deployment", {"web"}}, {"canary_deployment", {"web-canary"}}};
}

inline const std::vector<double> boundaries{5, 10, 25, 50, 100, 250, 1000, 2500};

}  // namespace linnet::prometheus::testing
