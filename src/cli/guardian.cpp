#include "cli/guardian.h"

#include <cstdlib>
#include <string_view>

#include "local/guardian.h"

namespace linnet::cli {

int run_guardian(int argc, char** argv) {
  local::GuardianOptions options;
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--pipe-fd")
      options.pipe_fd = std::atoi(argv[i + 1]);
    else if (name == "--limit-ms")
      options.limit = Duration(std::atoll(argv[i + 1]));
    else if (name == "--root")
      options.root = argv[i + 1];
    else if (name == "--lock")
      options.lock = argv[i + 1];
    else if (name == "--daemon")
      options.daemon = argv[i + 1];
  }
  if (options.pipe_fd < 0 || options.root.empty() || options.lock.empty()) {
    fmt::print(stderr, "linnet guardian is started by `linnet serve`, not by hand\n");
    return 2;
  }
  return local::run_guardian(options);
}

}  // namespace linnet::cli
