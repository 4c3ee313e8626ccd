#include "base/result.h"

#include <cstdio>
#include <cstdlib>

namespace linnet {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::invalid: return "invalid";
    case Code::not_found: return "not_found";
    case Code::conflict: return "conflict";
    case Code::denied: return "denied";
    case Code::unavailable: return "unavailable";
    case Code::timed_out: return "timed_out";
    case Code::unknown_outcome: return "unknown_outcome";
    case Code::cancelled: return "cancelled";
    case Code::internal: return "internal";
  }
  return "internal";
}

void detail::check_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "linnet: bug: CHECK(%s) failed at %s:%d\n", expression, file, line);
  std::abort();
}

}  // namespace linnet
