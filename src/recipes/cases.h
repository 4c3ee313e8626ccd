// Tries a router's recipe on objects written down beside it (testdata/NAME/*.yaml): what it reads,
// what it writes, and that every weight it can carry is read back after it was written. Both the
// tests of this folder and `linnet recipes check` run it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "recipes/router.h"

namespace linnet::recipes {

struct CaseResult {
  std::string name;
  std::vector<std::string> failures;  // empty: it holds
};

/// All cases of one file. Code::invalid: the file is no such file, with line and key.
Result<std::vector<CaseResult>> run_cases(const RouterRecipe& recipe, std::string_view yaml,
                                          const std::string& file);

/// What the objects are after the writes.
Result<std::vector<Seen>> after_writes(std::vector<Seen> seen, const std::vector<Write>& writes);

}  // namespace linnet::recipes
