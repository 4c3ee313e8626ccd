// The guardian as a program of its own, as `linnet guardian` is: for tests of its daemon's side.
#include <cstdlib>
#include <cstring>

#include "local/guardian.h"

int main(int argc, char** argv) {
  linnet::local::GuardianOptions options;
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], "--pipe-fd") == 0) options.pipe_fd = std::atoi(argv[i + 1]);
    if (std::strcmp(argv[i], "--limit-ms") == 0)
      options.limit = linnet::Duration(std::atoi(argv[i + 1]));
    if (std::strcmp(argv[i], "--root") == 0) options.root = argv[i + 1];
    if (std::strcmp(argv[i], "--lock") == 0) options.lock = argv[i + 1];
    if (std::strcmp(argv[i], "--daemon") == 0) options.daemon = argv[i + 1];
  }
  return linnet::local::run_guardian(options);
}
