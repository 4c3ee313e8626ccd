// A whole run of the program, as main() calls it.
#pragma once

#include <string>
#include <vector>

namespace linnet::cli {

/// Runs the command line (without the program's name) and gives the exit code.
int run(std::vector<std::string> words);

}  // namespace linnet::cli
