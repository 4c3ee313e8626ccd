// Shell completion, made from the table of commands.
#pragma once

#include <string>
#include <string_view>

namespace linnet::cli {

/// For "bash", "zsh" or "fish".
std::string completion_script(std::string_view shell);

}  // namespace linnet::cli
