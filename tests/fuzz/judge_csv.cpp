// `linnet judge` over CSV files of users: an answer is JSON whose exit code fits its decision.
#include <boost/json.hpp>

#include "fuzz/fuzz.h"
#include "judge/judge.h"

using namespace linnet;

namespace {

void check(const Result<judge::Report>& report) {
  if (!report) {
    CHECK(report.error().code == Code::invalid);
    CHECK(fuzz::is_printable(report.error().message));
    return;
  }
  boost::system::error_code error;
  std::string_view json = report->json;
  json.remove_prefix(json.rfind('\n') + 1);  // with a trace, the rows stand before it
  const boost::json::value value = boost::json::parse(json, error);
  CHECK(!error && value.is_object());
  const auto* decision = value.get_object().if_contains("decision");
  CHECK(decision != nullptr && decision->is_string());
  CHECK((report->exit_code == 1) == (decision->get_string() == "fail"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::MemoryFile file;
  fuzz::Input input(data, size);
  const char kind = static_cast<char>(input.byte());
  const std::string path = file.holding(input.rest());
  if (kind == 't') check(judge::threshold({path, 0.05, 0.01, 0.01, 1, true}));
  if (kind == 'c') check(judge::compare({path, 1, 0.01, 1, false, true}));
  if (kind == 'n') check(judge::compare({path, 1.5, 0.01, 2, true, false}));
  if (kind == 'l') check(judge::latency({path, 1, 0.01, 1, false}));
  return 0;
}
