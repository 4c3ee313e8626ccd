#include "cli/exit_code.h"

#include <array>

namespace linnet::cli {

std::span<const ExitMeaning> exit_meanings() {
  static constexpr std::array<ExitMeaning, 7> table{{
      {Exit::done, "done", "Done; also: waiting for your promotion"},
      {Exit::failed, "failed", "The release was rolled back, failed, or its limits are violated"},
      {Exit::invalid, "invalid", "Wrong arguments, a wrong spec, or an unknown release"},
      {Exit::no_data, "no data", "Nothing could be measured, so nothing can be said"},
      {Exit::unreachable, "cannot reach", "The daemon, the cluster or the metrics do not answer"},
      {Exit::busy, "busy", "Something else is under way: a rollout, a freeze, another promotion"},
      {Exit::interrupted, "interrupted", "Interrupted by Ctrl-C or SIGTERM"},
  }};
  return table;
}

Exit exit_for(Code code) {
  switch (code) {
    case Code::invalid:
    case Code::not_found: return Exit::invalid;
    case Code::conflict: return Exit::busy;
    case Code::cancelled: return Exit::interrupted;
    case Code::denied:
    case Code::unavailable:
    case Code::timed_out:
    case Code::unknown_outcome:
    case Code::internal: return Exit::unreachable;
  }
  return Exit::unreachable;
}

Code code_named(std::string_view word) {
  for (const Code code :
       {Code::invalid, Code::not_found, Code::conflict, Code::denied, Code::unavailable,
        Code::timed_out, Code::unknown_outcome, Code::cancelled, Code::internal})
    if (code_name(code) == word) return code;
  return Code::internal;
}

}  // namespace linnet::cli
