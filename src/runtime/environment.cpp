#include "runtime/environment.h"

#include <cstdlib>

namespace linnet::runtime {

std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

}  // namespace linnet::runtime
