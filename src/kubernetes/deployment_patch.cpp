#include "kubernetes/deployment_patch.h"

#include <boost/json.hpp>

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

}  // namespace

Result<json::array> deployment_patch(const core::DeploymentsWorkload& spec, const Json& deployment,
                                     const core::SetTrack& level) {
  json::array patch;
  if (level.replicas < 0) return fail(Code::invalid, "{} replicas", level.replicas);
  const bool stable = level.track == core::Track::stable;
  if (stable || level.replicas > 0)
    TRY_VOID(add_image(spec, deployment, level.version, patch));
  if (!stable && number_at(deployment, {"spec", "replicas"}, 1) != level.replicas)
    patch.push_back(step("add", "/spec/replicas", Json(level.replicas)));
  return patch;
}

}  // namespace linnet::kubernetes
