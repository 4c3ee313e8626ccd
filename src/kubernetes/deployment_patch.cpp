#include "kubernetes/deployment_patch.h"

#include <boost/json.hpp>

#include "kubernetes/canary_clone.h"
#include "kubernetes/images.h"
#include "kubernetes/objects.h"

namespace linnet::kubernetes {
namespace {

namespace json = boost::json;

Json step(std::string_view op, std::string path, Json value) {
  return json::object{{"op", op}, {"path", std::move(path)}, {"value", std::move(value)}};
}

Result<void> add_image(const core::DeploymentsWorkload& spec, const Json& deployment,
                       const std::string& version, json::array& patch) {
  TRY_VOID(core::check_version(version));
  const auto& containers = list_at(deployment, {"spec", "template", "spec", "containers"});
  for (std::size_t i = 0; i < containers.size(); ++i) {
    if (text_at(containers[i], {"name"}) != spec.container) continue;
    if (version_of(spec.image, text_at(containers[i], {"image"})) == version) return {};
    const std::string place = fmt::format("/spec/template/spec/containers/{}", i);
    patch.push_back(step("test", place + "/name", Json(spec.container)));
    patch.push_back(step("replace", place + "/image", Json(image_of(spec.image, version))));
    return {};
  }
  return fail(Code::invalid, "the Deployment {} has no container {}", name_of(deployment),
              spec.container);
}

// The image that the canary has stays when it reads as the version.
void take_image(const core::DeploymentsWorkload& spec, const Json& canary,
                const std::string& version, json::object& pods) {
  const Json* now =
      named(list_at(canary, {"spec", "template", "spec", "containers"}), spec.container);
  std::string image = now == nullptr ? std::string() : text_at(*now, {"image"});
  if (version_of(spec.image, image) != version) image = image_of(spec.image, version);
  for (Json& one : pods["spec"].as_object()["containers"].as_array())
    if (text_at(one, {"name"}) == spec.container) one.as_object()["image"] = image;
}

Result<void> add_template(const core::DeploymentsWorkload& spec, const Json& canary,
                          const Json& stable, const std::string& version, json::array& patch) {
  TRY_VOID(core::check_version(version));
  const Json* generation = find_at(canary, {"metadata", "generation"});
  const bool known =
      named(list_at(stable, {"spec", "template", "spec", "containers"}), spec.container) != nullptr;
  if (generation == nullptr || !known || !template_owner(canary).empty())
    return add_image(spec, canary, version, patch);
  json::object pods = followed_template(stable, canary);
  take_image(spec, canary, version, pods);
  if (const Json* now = find_at(canary, {"spec", "template"}); now != nullptr && *now == pods)
    return {};
  patch.push_back(step("test", "/metadata/generation", *generation));
  patch.push_back(step("replace", "/spec/template", std::move(pods)));
  return {};
}

}  // namespace

bool starts_canary(const Json& deployment, const core::SetTrack& level) {
  return level.track == core::Track::canary && level.replicas > 0 &&
         number_at(deployment, {"spec", "replicas"}, 1) == 0;
}

Result<json::array> deployment_patch(const core::DeploymentsWorkload& spec, const Json& deployment,
                                     const core::SetTrack& level, const Json& stable) {
  json::array patch;
  if (level.replicas < 0) return fail(Code::invalid, "{} replicas", level.replicas);
  const bool is_stable = level.track == core::Track::stable;
  if (starts_canary(deployment, level))
    TRY_VOID(add_template(spec, deployment, stable, level.version, patch));
  else if (is_stable || level.replicas > 0)
    TRY_VOID(add_image(spec, deployment, level.version, patch));
  if (!is_stable && number_at(deployment, {"spec", "replicas"}, 1) != level.replicas)
    patch.push_back(step("add", "/spec/replicas", Json(level.replicas)));
  return patch;
}

}  // namespace linnet::kubernetes
