#include "recipes/form.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json/parse.hpp>

#include "base/units.h"
#include "spec/formats.h"

namespace linnet::recipes {

using spec::Node;

Form::Form(const Node& node, std::string path, spec::Mistakes& mistakes,
           std::vector<std::string_view> known)
    : node_(&node), path_(std::move(path)), mistakes_(mistakes) {
  if (node.kind != Node::Kind::map) {
    if (node.kind != Node::Kind::null && node.kind != Node::Kind::refused)
      mistakes.add(node.place, path_, "must be a mapping like { key: value }");
    return;
  }
  if (known.empty()) return;
  for (const auto& [key, value] : entries()) {
    if (key->kind != Node::Kind::scalar ||
        std::find(known.begin(), known.end(), key->text) != known.end())
      continue;
    const std::string_view near = nearest_word(key->text, known);
    wrong(key->place, key->text.substr(0, 64),
          near.empty()
              ? fmt::format("unknown key {}; known here: {}", spec::shown(key->text),
                            fmt::join(known, ", "))
              : fmt::format("unknown key {}; did you mean '{}'?", spec::shown(key->text), near));
  }
}

std::string Form::join(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

void Form::wrong(spec::Place place, std::string_view key, std::string_view message) {
  mistakes_.add(place, join(key), message);
}

std::vector<std::pair<const Node*, const Node*>> Form::entries() const {
  std::vector<std::pair<const Node*, const Node*>> out;
  if (!there()) return out;
  for (std::size_t i = 0; i + 1 < node_->items.size(); i += 2)
    out.emplace_back(&node_->items[i], &node_->items[i + 1]);
  return out;
}

const Node* Form::find(std::string_view key) const {
  for (const auto& [name, value] : entries())
    if (name->kind == Node::Kind::scalar && name->text == key) return value;
  return nullptr;
}

const Node* Form::need(std::string_view key) {
  const Node* found = find(key);
  if (found == nullptr) wrong(node_->place, key, fmt::format("'{}' is missing", key));
  return found;
}

spec::Place Form::place(std::string_view key) const {
  const Node* found = find(key);
  return found == nullptr ? node_->place : found->place;
}

std::string Form::text(std::string_view key) {
  const Node* found = find(key);
  if (found == nullptr || found->kind == Node::Kind::null) return {};
  if (found->kind != Node::Kind::scalar) wrong(found->place, key, "must be a text");
  return found->kind == Node::Kind::scalar ? found->text : std::string();
}

std::string Form::needed_text(std::string_view key) {
  const Node* found = need(key);
  std::string out = text(key);
  if (found != nullptr && out.empty()) wrong(found->place, key, "must not be empty");
  return out;
}

std::vector<std::string> Form::texts(std::string_view key) {
  const Node* found = find(key);
  if (found == nullptr) return {};
  if (found->kind == Node::Kind::scalar) return {found->text};
  std::vector<std::string> out;
  if (found->kind == Node::Kind::list)
    for (const Node& item : found->items)
      if (item.kind == Node::Kind::scalar) out.push_back(item.text);
  if (out.empty() || out.size() != found->items.size())
    wrong(found->place, key, "must be a text or a list of texts");
  return out;
}

bool Form::flag(std::string_view key) {
  const std::string value = text(key);
  if (!value.empty() && value != "true" && value != "false")
    wrong(place(key), key, "must be true or false");
  return value == "true";
}

Path Form::path_of(const Node& node, std::string_view key) {
  auto parsed = parse_path(node.text);
  if (!parsed) wrong(node.place, key, parsed.error().message);
  return parsed ? *std::move(parsed) : Path();
}

Path Form::path(std::string_view key) {
  const std::string value = text(key);
  return value.empty() ? Path() : path_of(*find(key), key);
}

Form Form::below(std::string_view key, std::vector<std::string_view> known) {
  static const Node nothing;
  const Node* found = find(key);
  return {found == nullptr ? nothing : *found, join(key), mistakes_, std::move(known)};
}

Json to_json(const Node& node) {
  switch (node.kind) {
    case Node::Kind::map: {
      boost::json::object out;
      for (std::size_t i = 0; i + 1 < node.items.size(); i += 2)
        out[node.items[i].text] = to_json(node.items[i + 1]);
      return out;
    }
    case Node::Kind::list: {
      boost::json::array out;
      for (const Node& item : node.items) out.push_back(to_json(item));
      return out;
    }
    case Node::Kind::scalar: {
      if (node.quoted) return Json(node.text);
      boost::json::error_code error;
      Json plain = boost::json::parse(node.text, error);
      return !error && (plain.is_number() || plain.is_bool() || plain.is_null()) ? plain
                                                                                 : Json(node.text);
    }
    default: return nullptr;
  }
}

Result<void> no_mistakes(spec::Mistakes& mistakes) {
  if (mistakes.size() == 0) return {};
  std::string all;
  for (const spec::Mistake& mistake : mistakes.take())
    all += (all.empty() ? "" : "\n") + mistake.text();
  return fail(Code::invalid, "{}", all);
}

const Node* only_document(const std::vector<spec::Document>& documents, spec::Mistakes& mistakes) {
  if (documents.size() == 1 && documents[0].root.kind == Node::Kind::map) return &documents[0].root;
  if (mistakes.size() == 0)
    mistakes.add(
        {}, "", documents.empty() ? "the file is empty" : "the file must hold one mapping of keys");
  return nullptr;
}

}  // namespace linnet::recipes
