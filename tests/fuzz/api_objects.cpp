// What an API server answers: a status, an object or a list of them, and bytes of a watch cut
// anywhere. Pods, Deployments and EndpointSlices of any shape end in instances with possible
// numbers.
#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "fuzz/fuzz.h"
#include "kubernetes/images.h"
#include "kubernetes/instances.h"
#include "kubernetes/names.h"
#include "kubernetes/objects.h"
#include "kubernetes/requests.h"

using namespace linnet;
using kubernetes::Json;

namespace {

using Lines = std::optional<std::vector<std::string>>;

Lines framed(std::string_view text, std::size_t piece) {
  kubernetes::LineFramer framer(1024);
  std::vector<std::string> all;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    const auto lines = framer.take(text.substr(at, piece));
    if (!lines) return std::nullopt;
    all.insert(all.end(), lines->begin(), lines->end());
  }
  return all;
}

void look_at(const Json& answer) {
  core::DeploymentsWorkload spec;
  spec.stable = "web";
  spec.container = "web";
  spec.image = "shop/web:{{version}}";
  const WallTime now{1'700'000'000'000};
  kubernetes::TrackObjects objects{"web", nullptr, {}, "web", {}, {}};
  for (const Json& object : kubernetes::list_at(answer, {"items"})) {
    const std::string kind = kubernetes::text_at(object, {"kind"});
    if (kind == "Deployment") objects.deployment = &object;
    if (kind == "EndpointSlice") objects.slices.push_back(&object);
    if (kind == "Pod") {
      objects.pods.push_back(&object);
      CHECK(kubernetes::instance_of(spec, object, 0ms, now).restarts >= 0);
    }
  }
  for (const char* service : {"web", ""}) {
    objects.service = service;
    const core::TrackSeen seen = track_seen(spec, objects, now);
    CHECK(seen.instances.size() <= objects.pods.size());
    CHECK(seen.wanted.has_value() == (objects.deployment != nullptr));
    CHECK(!seen.wanted || *seen.wanted >= 0);
    CHECK(seen.restarts() >= 0 && seen.ready() <= seen.count());
  }
  if (objects.deployment == nullptr) return;
  if (const Json* selector = kubernetes::find_at(*objects.deployment, {"spec", "selector"})) {
    (void)kubernetes::selector_text(*selector);
    for (const Json* pod : objects.pods)
      (void)kubernetes::selector_matches(*selector,
                                         kubernetes::labels_at(*pod, {"metadata", "labels"}));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  int status = 0;
  for (const char c : input.part().substr(0, 3))
    if (c >= '0' && c <= '9') status = status * 10 + (c - '0');
  const std::string_view body = input.rest();
  const Lines whole = framed(body, std::max<std::size_t>(body.size(), 1));
  for (const std::size_t piece : {1, 7, 64}) CHECK(framed(body, piece) == whole);

  for (const char* verb : {"list", "patch"}) {
    const kubernetes::Asked asked{verb, {"v1", "pods", "shop"}, "web", ""};
    const auto answer = read_answer(asked, status, body, "anna");
    if (!answer) {
      CHECK(answer.error().message.size() < 4096);
      continue;
    }
    CHECK(status >= 200 && status <= 299 && answer->is_object());
    Json list = *answer;
    kubernetes::complete_items(list);
    look_at(list);
  }
  return 0;
}
