// The exit codes that scripts and CI jobs rely on, and which failure gives which. The table in
// docs/commands.md is made from exit_meaning().
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"

namespace linnet::cli {

enum class Exit {
  done = 0,         // also: waiting for promotion
  failed = 1,       // rolled back, or limits violated
  invalid = 2,      // wrong arguments or spec
  no_data = 3,      // nothing could be measured
  unreachable = 4,  // daemon, cluster or metrics do not answer
  busy = 5,         // something else is under way
  interrupted = 130,
};

struct ExitMeaning {
  Exit code;
  std::string_view word;
  std::string_view meaning;
};
std::span<const ExitMeaning> exit_meanings();

/// The exit code of a command that could not do its work.
Exit exit_for(Code code);
/// The code that the word stands for ("conflict"); Code::internal for an unknown word.
Code code_named(std::string_view word);

}  // namespace linnet::cli
