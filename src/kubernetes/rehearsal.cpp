#include "kubernetes/rehearsal.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "kubernetes/deployment_patch.h"
#include "kubernetes/objects.h"
#include "recipes/patch.h"

namespace linnet::kubernetes {
namespace {

using recipes::ObjectName;
using recipes::Write;
using Fields = std::vector<std::pair<std::string, Json>>;

// The server's own bookkeeping.
constexpr std::array<std::string_view, 7> server_fields{"metadata.managedFields",
                                                        "metadata.resourceVersion",
                                                        "metadata.generation",
                                                        "metadata.uid",
                                                        "metadata.creationTimestamp",
                                                        "metadata.namespace",
                                                        "status"};

// Of an object that is created; of other kinds their spec.
struct Important {
  std::string_view kind, start;
};
constexpr std::array<Important, 8> important{{{"Deployment", "spec.replicas"},
                                              {"Deployment", "spec.selector."},
                                              {"Service", "spec.ports"},
                                              {"Service", "spec.selector."},
                                              {"Ingress", "metadata.annotations"},
                                              {"Ingress", "spec.ingressClassName"},
                                              {"Ingress", "spec.rules"},
                                              {"ConfigMap", "data.spec"}}};

bool is_important(const std::string& kind, const std::string& path) {
  if (kind == "Deployment" && path.ends_with("].image")) return true;
  bool known = false;
  for (const Important& row : important) {
    known = known || row.kind == kind;
    if (row.kind == kind && path.starts_with(row.start)) return true;
  }
  return !known && path.starts_with("spec.");
}

std::string member(const std::string& path, std::string_view key) {
  const bool plain = key.find_first_of("./[]") == std::string_view::npos;
  if (!plain) return fmt::format("{}[{}]", path, key);
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

// Containers, ports and the like have names; elements of other lists their places.
std::string element(const std::string& path, const boost::json::array& list, std::size_t i) {
  const std::string name = text_at(list[i], {"name"});
  const auto same = std::count_if(list.begin(), list.end(),
                                  [&](const Json& one) { return text_at(one, {"name"}) == name; });
  if (name.empty() || same > 1) return fmt::format("{}[{}]", path, i);
  return fmt::format("{}[{}]", path, name);
}

void flatten(const Json& json, const std::string& path, Fields& out) {
  if (std::find(server_fields.begin(), server_fields.end(), path) != server_fields.end()) return;
  const auto* object = json.if_object();
  const auto* list = json.if_array();
  if (object != nullptr && !object->empty()) {
    for (const auto& entry : *object) flatten(entry.value(), member(path, entry.key()), out);
  } else if (list != nullptr && !list->empty()) {
    for (std::size_t i = 0; i < list->size(); ++i)
      flatten((*list)[i], element(path, *list, i), out);
  } else if (!json.is_null()) {
    out.emplace_back(path, json);
  }
}

bool is_secret(const std::string& path) {
  return path.find(".env[") != std::string::npos && path.ends_with(".value");
}

Json shown(const std::string& path, Json value) {
  if (!value.is_string()) return value;
  if (is_secret(path)) return "(not shown)";
  const auto& text = value.get_string();
  const auto lines = std::count(text.begin(), text.end(), '\n');
  return lines == 0 ? value : Json(fmt::format("({} lines)", lines));
}

std::vector<FieldChange> rows_of(const std::vector<Json>& states) {
  std::vector<FieldChange> rows;
  for (std::size_t i = 0; i < states.size(); ++i) {
    Fields fields;
    flatten(states[i], "", fields);
    for (auto& [path, value] : fields) {
      auto row = std::find_if(rows.begin(), rows.end(),
                              [&path = path](const auto& one) { return one.path == path; });
      if (row == rows.end()) row = rows.insert(rows.end(), FieldChange{path, {}});
      row->values.resize(i);  // null where it was not there
      row->values.push_back(std::move(value));
    }
  }
  for (FieldChange& row : rows) {
    row.values.resize(states.size());
    row.values.erase(std::unique(row.values.begin(), row.values.end()), row.values.end());
  }
  std::erase_if(rows, [](const FieldChange& row) { return row.values.size() < 2; });
  for (FieldChange& row : rows)
    for (Json& value : row.values) value = shown(row.path, std::move(value));
  return rows;
}

}  // namespace

void Rehearsal::begin_with(ObjectName name, Json object) {
  all_.push_back({std::move(name), {}, 0});
  all_.back().states.push_back(std::move(object));
}

bool Rehearsal::knows(const ObjectName& name) const {
  return std::any_of(all_.begin(), all_.end(), [&](const One& one) { return one.name == name; });
}

Rehearsal::One& Rehearsal::of(const ObjectName& name) {
  if (!knows(name)) begin_with(name, Json());
  return *std::find_if(all_.begin(), all_.end(), [&](const One& one) { return one.name == name; });
}

const Json& Rehearsal::now(const ObjectName& name) const {
  static const Json none;
  for (const One& one : all_)
    if (one.name == name) return one.states.back();
  return none;
}

Result<void> Rehearsal::write(const Write& write) {
  TRY(after, recipes::apply(write, now(write.object)));
  replace(write.object, std::move(after));
  return {};
}

void Rehearsal::replace(const ObjectName& name, Json object) {
  One& one = of(name);
  one.states.push_back(std::move(object));
  if (one.first_write == 0) one.first_write = ++writes_;
}

Result<void> Rehearsal::set(const Names& names, const core::SetTrack& level) {
  const ObjectName name = deployment_name(names, level.track);
  const Json& deployment = now(name);
  if (deployment.is_null())
    return fail(Code::not_found, "the Deployment {} does not exist: `linnet init`", name.name);
  TRY(patch, deployment_patch(names.workload, deployment, level,
                              now(deployment_name(names, core::Track::stable))));
  if (patch.empty()) return {};
  return write({Write::Kind::json_patch, name, std::move(patch)});
}

Result<void> Rehearsal::set(const recipes::RouterRecipe& recipe, const recipes::Parameters& with,
                            const std::vector<ObjectName>& carriers, const core::SetWeight& level) {
  std::vector<recipes::Seen> seen;
  for (const ObjectName& name : carriers) seen.push_back({name, now(name)});
  TRY(writes, recipe.set_weight(with, seen, level.weight, level.taken_back));
  for (const Write& one : writes) TRY_VOID(write(one));
  return {};
}

std::vector<ObjectChange> Rehearsal::changes() const {
  std::vector<const One*> written;
  for (const One& one : all_)
    if (one.first_write > 0) written.push_back(&one);
  std::sort(written.begin(), written.end(),
            [](const One* a, const One* b) { return a->first_write < b->first_write; });
  std::vector<ObjectChange> out;
  for (const One* one : written) {
    using How = ObjectChange::How;
    ObjectChange change{How::change, one->name.kind, one->name.name, {}};
    if (one->states.front().is_null()) change.how = How::create;
    if (one->states.back().is_null()) change.how = How::remove;
    if (change.how != How::remove) change.fields = rows_of(one->states);
    if (change.how == How::create)
      std::erase_if(change.fields, [&](const FieldChange& field) {
        return !is_important(change.kind, field.path);
      });
    if (change.how != How::change || !change.fields.empty()) out.push_back(std::move(change));
  }
  return out;
}

}  // namespace linnet::kubernetes
