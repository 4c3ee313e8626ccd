#include "spec/read.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "spec/fields.h"
#include "spec/rules.h"
#include "spec/scalar.h"
#include "spec/yaml_tree.h"

namespace linnet::spec {
namespace {

/// Fills one release from one document by walking the table and the tree together.
class DocumentReader {
 public:
  DocumentReader(core::Release& release, Mistakes& mistakes)
      : release_(release), mistakes_(mistakes) {}

  void read(const Node& root) {
    if (is_another_kind(root)) return;
    read_object(root, "", "", 0);
    fill_defaults(release_, seen_);
    check_rules(release_, seen_, mistakes_);
  }

  [[nodiscard]] Place name_place() const { return seen_.place("metadata.name"); }

 private:
  void wrong(Place place, const std::string& path, std::string_view message) {
    seen_.wrong.insert(path);
    mistakes_.add(place, path, message);
  }

  static std::string join(const std::string& path, std::string_view key) {
    return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
  }

  static const Node* find(const Node& map, std::string_view key) {
    for (std::size_t i = 0; i + 1 < map.items.size(); i += 2)
      if (map.items[i].kind == Node::Kind::scalar && map.items[i].text == key)
        return &map.items[i + 1];
    return nullptr;
  }

  // A Deployment or a Service between the releases: one mistake says it all.
  bool is_another_kind(const Node& root) {
    const Node* kind = root.kind == Node::Kind::map ? find(root, "kind") : nullptr;
    constexpr std::array<std::string_view, 1> known{"Release"};
    if (kind == nullptr || kind->kind != Node::Kind::scalar || kind->text.empty() ||
        !nearest_word(kind->text, known).empty())
      return false;
    wrong(kind->place, "kind", fmt::format("{} is not Release", shown(kind->text)));
    return true;
  }

  // `rows` is the path in the table ("spec.steps[]"), `path` the one in the document.
  void read_object(const Node& node, const std::string& rows, const std::string& path,
                   std::size_t index) {
    if (node.kind == Node::Kind::refused) {
      seen_.wrong.insert(path);
      return;
    }
    if (node.kind != Node::Kind::map && node.kind != Node::Kind::null) {
      wrong(node.place, path,
            path.empty() ? "a document must be a mapping like 'kind: Release'"
                         : "must be a mapping like { key: value }");
      return;
    }
    const std::vector<std::string_view> meant = find_unknown_keys(node, rows, path);
    check_choices(node, rows, path);
    for (const Field* field : fields_under(rows)) {
      if (mistakes_.full()) return;
      const std::string at = join(path, field->key());
      if (const Node* value = find(node, field->key()))
        read_field(*field, *value, at, index);
      else if (std::find(meant.begin(), meant.end(), field->key()) != meant.end())
        seen_.wrong.insert(at);
      else if (field->need == Need::required)
        wrong(node.place, at, fmt::format("'{}' is missing: {}", field->key(), field->help));
    }
  }

  void read_field(const Field& field, const Node& node, const std::string& path,
                  std::size_t index) {
    seen_.places.emplace(path, node.place);
    if (field.kind.type == Type::object) {
      field.access.set(release_, index, Present{});
      read_object(node, std::string(field.path), path, index);
    } else if (field.kind.type == Type::objects) {
      read_list(field, node, path);
    } else {
      auto value = parse_value(field.kind, node,
                               [&](Place place, const std::string& part, std::string message) {
                                 wrong(place, path + part, message);
                               });
      if (value)
        field.access.set(release_, index, *std::move(value));
      else
        seen_.wrong.insert(path);
    }
  }

  void read_list(const Field& field, const Node& node, const std::string& path) {
    field.access.set(release_, 0, std::int64_t{0});
    if (node.kind == Node::Kind::refused) {
      seen_.wrong.insert(path);
      return;
    }
    if (node.kind != Node::Kind::list) {
      wrong(node.place, path, "must be a list: each entry begins with '- '");
      return;
    }
    const auto size = static_cast<double>(node.items.size());
    if (size < field.kind.min || size > field.kind.max) {
      wrong(
          node.place, path,
          fmt::format("has {} entries; allowed are {}", node.items.size(), range_text(field.kind)));
      return;
    }
    const std::string rows = inner_path(field);
    for (std::size_t i = 0; i < node.items.size() && !mistakes_.full(); ++i) {
      const std::string at = fmt::format("{}[{}]", path, i);
      seen_.places.emplace(at, node.items[i].place);
      field.access.set(release_, i, Present{});
      read_object(node.items[i], rows, at, i);
    }
  }

  // The known keys that the unknown ones were probably meant to be.
  std::vector<std::string_view> find_unknown_keys(const Node& node, const std::string& rows,
                                                  const std::string& path) {
    std::vector<std::string_view> known, meant;
    for (const Field* field : fields_under(rows)) known.push_back(field->key());
    for (std::size_t i = 0; i + 1 < node.items.size() && !mistakes_.full(); i += 2) {
      const Node& key = node.items[i];
      if (key.kind != Node::Kind::scalar) continue;
      if (std::find(known.begin(), known.end(), key.text) != known.end()) continue;
      const std::string_view near = nearest_word(key.text, known);
      if (!near.empty()) meant.push_back(near);
      wrong(key.place, join(path, key.text.substr(0, 64)), unknown_key(key.text, near, known));
    }
    return meant;
  }

  static std::string unknown_key(const std::string& key, std::string_view near,
                                 const std::vector<std::string_view>& known) {
    if (!near.empty()) return fmt::format("unknown key {}; did you mean '{}'?", shown(key), near);
    for (const Field& field : fields())
      if (field.key() == key)
        return fmt::format("unknown key {} here; it stands at {}", shown(key), field.path);
    return fmt::format("unknown key {}; known here: {}", shown(key), fmt::join(known, ", "));
  }

  // Of the choices beside each other, exactly one.
  void check_choices(const Node& node, const std::string& rows, const std::string& path) {
    std::vector<std::string_view> choices;
    std::vector<std::pair<std::string_view, Place>> given;
    for (const Field* field : fields_under(rows)) {
      if (field->need != Need::choice) continue;
      choices.push_back(field->key());
      if (const Node* value = find(node, field->key()))
        given.emplace_back(field->key(), value->place);
    }
    const std::string names = fmt::format("{}", fmt::join(choices, ", "));
    if (!choices.empty() && given.empty()) wrong(node.place, path, "needs one of " + names);
    for (std::size_t i = 1; i < given.size(); ++i)
      wrong(
          given[i].second, join(path, given[i].first),
          fmt::format("only one of {} may be given; '{}' is there already", names, given[0].first));
  }

  core::Release& release_;
  Mistakes& mistakes_;
  Seen seen_;
};

}  // namespace

std::string Mistake::text() const {
  std::string out = file;
  if (line > 0) out += fmt::format(":{}", line);
  if (line > 0 && column > 0) out += fmt::format(":{}", column);
  if (!key.empty()) {
    const std::string safe = shown(key);  // a key may be anything the file holds
    out += ": " + (safe == fmt::format("'{}'", key) ? key : safe);
  }
  return out + ": " + message;
}

ReadSpecs read_specs(std::string_view yaml_text, std::string_view file_name) {
  ReadSpecs result;
  Mistakes mistakes(file_name);
  std::map<std::string, int> lines;  // of the names
  const std::vector<Document> documents = parse_documents(yaml_text, mistakes);
  for (const Document& document : documents) {
    if (mistakes.full()) break;
    const std::size_t before = mistakes.size();
    core::Release release;
    DocumentReader reader(release, mistakes);
    reader.read(document.root);
    const Place place = reader.name_place();
    const auto [first, added] = lines.emplace(release.name, place.line);
    if (!added && !release.name.empty())
      mistakes.add(place, "metadata.name",
                   fmt::format("another release of this file is named {} (line {})",
                               shown(release.name), first->second));
    result.drafts.push_back(release);
    if (document.sound && mistakes.size() == before) result.releases.push_back(std::move(release));
  }
  if (result.releases.empty() && mistakes.size() == 0)
    mistakes.add({}, "", "there is no release in this file");
  result.mistakes = mistakes.take();
  return result;
}

}  // namespace linnet::spec
