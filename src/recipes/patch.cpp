#include "recipes/patch.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <map>

namespace linnet::recipes {
namespace {

using Parts = std::vector<std::string>;

// Sets or removes inside a value. A list that has no such place is replaced by a mapping, as
// whatever else is none.
void put(Json& in, const Parts& parts, std::size_t from, const std::optional<Json>& value) {
  Json* at = &in;
  for (std::size_t i = from; i + 1 < parts.size(); ++i) {
    if (at->is_array() && look(*at, {parts[i]}) != nullptr) {
      at = &at->get_array()[std::stoul(parts[i])];
      continue;
    }
    if (!at->is_object()) at->emplace_object();
    at = &at->as_object()[parts[i]];
  }
  const std::string& last = parts.back();
  auto* list = at->if_array();
  if (list != nullptr && (last == "-" || look(*at, {last}) != nullptr)) {
    if (last == "-")
      list->push_back(value.value_or(nullptr));
    else if (value)
      (*list)[std::stoul(last)] = *value;
    else
      list->erase(list->begin() + std::stol(last));
    return;
  }
  if (!at->is_object()) at->emplace_object();
  if (value)
    at->as_object()[last] = *value;
  else
    at->as_object().erase(last);
}

bool passes_list(const Json& object, const Parts& parts) {
  const Json* at = &object;
  for (const std::string& part : parts) {
    if (at->is_array()) return true;
    at = look(*at, {part});
    if (at == nullptr) return false;
  }
  return false;
}

boost::json::object operation(const char* op, const Parts& at) {
  boost::json::object out;
  out["op"] = op;
  out["path"] = pointer(at);
  return out;
}

class JsonPatch {
 public:
  explicit JsonPatch(const Json& object) : object_(object) {}

  void test(const Parts& at, const Json& value) {
    boost::json::object op = operation("test", at);
    op["value"] = value;
    if (std::find(tests_.begin(), tests_.end(), Json(op)) == tests_.end())
      tests_.emplace_back(std::move(op));
  }

  void lock() {
    if (const Json* version = look(object_, {"metadata", "resourceVersion"}))
      test({"metadata", "resourceVersion"}, *version);
  }

  void change(const Parts& parts, const std::optional<Json>& value) {
    if (!value) {
      changes_.emplace_back(operation("remove", parts));
      return;
    }
    // The nearest parent that is there; what is missing below it comes with the value. A parent
    // that somebody else adds meanwhile would be replaced whole, hence the lock.
    std::size_t depth = parts.size() - 1;
    while (depth > 0 && look(object_, Parts(parts.begin(), parts.begin() + long(depth))) == nullptr)
      --depth;
    const Parts at(parts.begin(), parts.begin() + long(depth) + 1);
    if (at.size() < parts.size()) {
      lock();
      Json& parent = added_[at];
      put(parent, parts, at.size(), value);
      return;
    }
    boost::json::object op = operation("add", at);
    op["value"] = *value;
    changes_.emplace_back(std::move(op));
  }

  Json take() {
    for (auto& [at, value] : added_) {
      boost::json::object op = operation("add", at);
      op["value"] = value;
      changes_.emplace_back(std::move(op));
    }
    tests_.insert(tests_.end(), changes_.begin(), changes_.end());
    return tests_;
  }

 private:
  const Json& object_;
  boost::json::array tests_;
  boost::json::array changes_;
  std::map<Parts, Json> added_;
};

Json merge_patch(const Json& object, const std::vector<Edit>& edits, bool locked) {
  Json body = boost::json::object();
  for (const Edit& edit : edits) put(body, edit.spot.at, 0, edit.value ? *edit.value : Json());
  const Json* version = look(object, {"metadata", "resourceVersion"});
  if (locked && version != nullptr) put(body, {"metadata", "resourceVersion"}, 0, *version);
  return body;
}

// Edits inside a text that is JSON: the text is written anew, if it is still the one that was read.
void change_texts(JsonPatch& out, const Json& object, const std::vector<Edit>& edits) {
  std::map<Parts, Json> texts;
  for (const Edit& edit : edits) {
    if (edit.spot.json_at == 0) continue;
    const Parts at(edit.spot.at.begin(), edit.spot.at.begin() + long(edit.spot.json_at));
    const auto found = texts.try_emplace(at, *edit.spot.inside).first;
    put(found->second, edit.spot.at, edit.spot.json_at, edit.value);
  }
  for (const auto& [at, value] : texts) {
    out.test(at, *look(object, at));
    out.change(at, Json(boost::json::serialize(value)));
  }
}

void merge(Json& into, const Json& body) {
  if (!body.is_object()) {
    into = body;
    return;
  }
  if (!into.is_object()) into.emplace_object();
  for (const auto& entry : body.get_object()) {
    if (entry.value().is_null())
      into.get_object().erase(entry.key());
    else
      merge(into.get_object()[entry.key()], entry.value());
  }
}

Parts pointer_parts(std::string_view text) {
  Parts parts;
  for (const char c : text) {
    if (c == '/')
      parts.emplace_back();
    else if (!parts.empty())
      parts.back() += c;
  }
  for (std::string& part : parts)
    for (const auto& [from, to] : {std::pair{"~1", "/"}, std::pair{"~0", "~"}})
      for (std::size_t at = part.find(from); at != std::string::npos; at = part.find(from, at + 1))
        part.replace(at, 2, to);
  return parts;
}

Result<void> do_operation(Json& object, const Json& operation) {
  const std::string op = text_at(operation, {"op"});
  const std::string path = text_at(operation, {"path"});
  const Parts parts = pointer_parts(path);
  const Json* value = look(operation, {"value"});
  const Json* there = look(object, parts);
  if (op == "test") {
    if (there == nullptr || value == nullptr || *there != *value)
      return fail(Code::conflict, "the test of {} failed", path);
    return {};
  }
  const Json* parent =
      parts.empty() ? nullptr : look(object, Parts(parts.begin(), parts.end() - 1));
  const bool appends =
      op == "add" && parent != nullptr && parent->is_array() && (parts.back() == "-");
  const bool possible =
      op == "add" ? parent != nullptr && (parent->is_object() || appends) : there != nullptr;
  if (!possible || (op != "add" && op != "replace" && op != "remove"))
    return fail(Code::invalid, "{} of {} is not possible", op, path);
  put(object, parts, 0, op == "remove" ? std::nullopt : std::optional<Json>(*value));
  return {};
}

}  // namespace

void set_inside(Json& in, const Parts& at, Json value) { put(in, at, 0, std::move(value)); }

void remove_inside(Json& in, const Parts& at) {
  if (look(in, at) != nullptr) put(in, at, 0, std::nullopt);
}

Write patch(const ObjectName& name, const Json& object, const std::vector<Edit>& edits,
            bool locked) {
  const bool only_mappings = std::all_of(edits.begin(), edits.end(), [&](const Edit& edit) {
    return edit.spot.json_at == 0 && !passes_list(object, edit.spot.at);
  });
  const bool asked = std::any_of(edits.begin(), edits.end(),
                                 [](const Edit& edit) { return !edit.spot.passed.empty(); });
  if (only_mappings && !asked)
    return {Write::Kind::merge_patch, name, merge_patch(object, edits, locked)};
  JsonPatch out(object);
  for (const Edit& edit : edits) {
    const bool inside = edit.spot.json_at != 0;
    for (const auto& [at, value] : edit.spot.passed)
      if (!inside || at.size() <= edit.spot.json_at) out.test(at, value);
    if (inside) continue;
    if (locked && edit.spot.value != nullptr) out.test(edit.spot.at, *edit.spot.value);
    out.change(edit.spot.at, edit.value);
  }
  change_texts(out, object, edits);
  return {Write::Kind::json_patch, name, out.take()};
}

Result<Json> apply(const Write& write, const Json& object) {
  const bool exists = !object.is_null();
  if (write.kind == Write::Kind::create) {
    if (exists) return fail(Code::conflict, "{} exists already", write.object.name);
    return write.body;
  }
  if (!exists) return fail(Code::not_found, "{} is not there", write.object.name);
  if (write.kind == Write::Kind::remove) return Json();
  Json after = object;
  if (write.kind == Write::Kind::merge_patch) {
    const Json* expected = look(write.body, {"metadata", "resourceVersion"});
    const Json* version = look(object, {"metadata", "resourceVersion"});
    if (expected != nullptr && version != nullptr && *expected != *version)
      return fail(Code::conflict, "{} has changed", write.object.name);
    merge(after, write.body);
    return after;
  }
  const auto* operations = write.body.if_array();
  if (operations == nullptr) return fail(Code::invalid, "a JSON patch must be a list");
  for (const Json& operation : *operations) TRY_VOID(do_operation(after, operation));
  return after;
}

}  // namespace linnet::recipes
