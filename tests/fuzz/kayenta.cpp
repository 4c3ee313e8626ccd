// `linnet judge kayenta`: somebody's canary config and two files of metrics. A score is a share of
// 100.
#include <boost/json.hpp>

#include "fuzz/fuzz.h"
#include "judge/judge.h"

using namespace linnet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::MemoryFile config, control, experiment;
  fuzz::Input input(data, size);
  judge::KayentaOptions options;
  options.config = config.holding(input.part());
  options.control = control.holding(input.part());
  options.experiment = experiment.holding(input.rest());
  const auto report = judge::kayenta(options);
  if (!report) {
    CHECK(report.error().code == Code::invalid);
    return 0;
  }
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(report->json, error);
  CHECK(!error && value.is_object());
  const boost::json::object& object = value.get_object();
  const boost::json::value& score = object.at("score");
  if (score.is_number()) {
    const double percent = score.to_number<double>();
    CHECK(percent >= 0 && percent <= 100.0001);
  }
  const boost::json::string& word = object.at("classification").get_string();
  CHECK(word == "Pass" || word == "Marginal" || word == "Fail");
  return 0;
}
