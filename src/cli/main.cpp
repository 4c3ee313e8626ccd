// The program. What it can do is the table in commands.cpp.
#include <string_view>

#include "cli/guardian.h"
#include "cli/run.h"
#include "cli/terminal.h"
#include "cli/version.h"

int main(int argc, char** argv) {
  // Asked for by scripts at every turn: answered before anything is set up.
  if (argc == 2 &&
      (std::string_view(argv[1]) == "version" || std::string_view(argv[1]) == "--version")) {
    linnet::cli::write_all(1, std::string("linnet ").append(linnet::cli::version_text()) + "\n");
    return 0;
  }
  if (argc > 1 && std::string_view(argv[1]) == "guardian")
    return linnet::cli::run_guardian(argc, argv);
  return linnet::cli::run(std::vector<std::string>(argv + 1, argv + argc));
}
