// The parameters that a recipe declares, and what a release gives for them in `with`.
#pragma once

#include <string>
#include <vector>

#include "recipes/form.h"
#include "recipes/router.h"

namespace linnet::recipes {

struct Parameter {
  std::string name;
  std::string help;
  bool list = false;               // may hold several values
  bool optional = false;           // may be absent
  std::vector<std::string> words;  // the allowed values; empty: any
  std::string otherwise;  // `default`: may name parameters above; for a list, once per value of it
};

/// The `parameters` of a recipe, in their order.
std::vector<Parameter> read_parameters(Form& recipe);
/// Notes each `{{name}}` of `text` that nothing declares.
void check_placeholders(const std::vector<std::string>& names,
                        const std::vector<Parameter>& declared, Form& form, std::string_view key);

/// Code::invalid names every unknown, missing and impossible one.
Result<void> check_parameters(const std::vector<Parameter>& declared, const Parameters& with);
/// With the defaults filled in.
Values values_of(const std::vector<Parameter>& declared, const Parameters& with);

}  // namespace linnet::recipes
