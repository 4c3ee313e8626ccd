// What a router's recipe is tried on: parameters and objects, as one JSON text
// {"with": {"ingress": "web"}, "given": [OBJECT, ...]}.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "recipes/cases.h"
#include "recipes/path.h"

namespace linnet::fuzz {

struct RouterWorld {
  recipes::Parameters with{{"namespace", {"shop"}}, {"release", {"shop"}}};
  std::vector<recipes::Json> objects;

  static RouterWorld of(std::string_view text) {
    RouterWorld world;
    boost::system::error_code error;
    const recipes::Json json = boost::json::parse(text, error);
    if (error || !json.is_object()) return world;
    if (const recipes::Json* map = recipes::look(json, {"with"}); map && map->is_object())
      for (const auto& [name, value] : map->get_object())
        if (auto all = texts(value); !all.empty()) world.with[std::string(name)] = std::move(all);
    if (const recipes::Json* list = recipes::look(json, {"given"}); list && list->is_array())
      for (const recipes::Json& object : list->get_array()) world.objects.push_back(object);
    return world;
  }

  /// The objects that the recipe asks for, null where there is none; no value: it asks for none.
  [[nodiscard]] std::optional<std::vector<recipes::Seen>> seen_by(
      const recipes::RouterRecipe& recipe) const {
    const auto names = recipe.objects(with);
    if (!names) return std::nullopt;
    std::vector<recipes::Seen> seen;
    for (const recipes::ObjectName& name : *names) {
      seen.push_back({name, nullptr});
      for (const recipes::Json& object : objects)
        if (recipes::text_at(object, {"kind"}) == name.kind &&
            recipes::text_at(object, {"metadata", "name"}) == name.name)
          seen.back().object = object;
    }
    return seen;
  }

 private:
  static std::vector<std::string> texts(const recipes::Json& value) {
    std::vector<std::string> out;
    if (value.is_string()) out.emplace_back(value.get_string());
    if (value.is_array())
      for (const recipes::Json& one : value.get_array())
        if (one.is_string()) out.emplace_back(one.get_string());
    return out;
  }
};

}  // namespace linnet::fuzz
