// Answers of metric stores: an HTTP status, then the body. Errors are words for people, short and
// on one line.
#include "prometheus/query_answer.h"

#include "fuzz/fuzz.h"

using namespace linnet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  int status = 0;
  for (const char c : input.part().substr(0, 3))
    if (c >= '0' && c <= '9') status = status * 10 + (c - '0');
  const auto answer = prometheus::read_query_answer(status, input.rest());
  if (!answer) {
    CHECK(answer.error().code == Code::invalid || answer.error().code == Code::unavailable ||
          answer.error().code == Code::denied);
    CHECK(fuzz::is_printable(answer.error().message));
    CHECK(answer.error().message.size() < 2000);
    return 0;
  }
  CHECK(status == 200);
  for (const recipes::Series& series : answer->series) CHECK(series.labels.count("__name__") == 0);
  return 0;
}
