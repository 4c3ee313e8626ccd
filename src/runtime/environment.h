// One variable of the process's environment, for secrets that a spec names ("env:NAME").
#pragma once

#include <optional>
#include <string>

namespace linnet::runtime {

/// Nothing when it is not set, or empty.
std::optional<std::string> environment_variable(const std::string& name);

}  // namespace linnet::runtime
