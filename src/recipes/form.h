// Reads the YAML of recipes: mappings whose keys are known, with every mistake noted at its place
// and the nearest key named.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "recipes/path.h"
#include "spec/yaml_tree.h"

namespace linnet::recipes {

class Form {
 public:
  /// Any keys are allowed when `known` is empty. `path` is where the mapping stands ("weight").
  Form(const spec::Node& node, std::string path, spec::Mistakes& mistakes,
       std::vector<std::string_view> known);

  [[nodiscard]] const spec::Node* find(std::string_view key) const;
  /// A missing one is a mistake.
  const spec::Node* need(std::string_view key);
  std::string text(std::string_view key);  // empty when it is not there
  std::string needed_text(std::string_view key);
  std::vector<std::string> texts(std::string_view key);  // a text, or a list of them
  bool flag(std::string_view key);
  /// Empty when it is not there.
  Path path(std::string_view key);
  Path path_of(const spec::Node& node, std::string_view key);
  /// A mapping below; keys of a mapping that is not there are all absent.
  Form below(std::string_view key, std::vector<std::string_view> known);
  /// Key and value of each entry.
  [[nodiscard]] std::vector<std::pair<const spec::Node*, const spec::Node*>> entries() const;

  void wrong(spec::Place place, std::string_view key, std::string_view message);
  /// Where `key` stands, or the mapping itself.
  [[nodiscard]] spec::Place place(std::string_view key) const;
  [[nodiscard]] bool there() const { return node_->kind == spec::Node::Kind::map; }

 private:
  [[nodiscard]] std::string join(std::string_view key) const;

  const spec::Node* node_;
  std::string path_;
  spec::Mistakes& mistakes_;
};

/// A value of YAML as JSON: plain numbers, true, false and null as such, all else as text.
Json to_json(const spec::Node& node);

/// Code::invalid with all mistakes, a line each.
Result<void> no_mistakes(spec::Mistakes& mistakes);
/// The only document of a file; null after a mistake was noted.
const spec::Node* only_document(const std::vector<spec::Document>& documents,
                                spec::Mistakes& mistakes);

}  // namespace linnet::recipes
