#include "core/observation.h"

#include <algorithm>

#include "base/mutant.h"

namespace linnet::core {

int TrackSeen::ready() const {
  return static_cast<int>(std::count_if(instances.begin(), instances.end(), [](const Instance& i) {
    return i.state == Instance::State::ready;
  }));
}

int TrackSeen::ready_of(std::string_view version) const {
  return static_cast<int>(std::count_if(instances.begin(), instances.end(), [&](const Instance& i) {
    return i.state == Instance::State::ready && i.version == version;
  }));
}

bool TrackSeen::is_leaving(const Instance& instance) const {
  return LINNET_STOPS(leaving_is_let_go, wanted && instance.state == Instance::State::stopping);
}

int TrackSeen::staying() const {
  return static_cast<int>(std::count_if(instances.begin(), instances.end(),
                                        [&](const Instance& i) { return !is_leaving(i); }));
}

int TrackSeen::restarts() const {
  int sum = 0;
  for (const Instance& instance : instances)
    if (!is_leaving(instance)) sum += instance.restarts;
  return sum;
}

Counts& Counts::operator+=(const Counts& more) {
  requests += more.requests;
  bad += more.bad;
  if (latency.size() < more.latency.size()) latency.resize(more.latency.size());
  for (std::size_t i = 0; i < more.latency.size(); ++i) latency[i] += more.latency[i];
  return *this;
}

std::string_view intent_name(Intent::Kind kind) {
  switch (kind) {
    case Intent::Kind::init: return "init";
    case Intent::Kind::deploy: return "deploy";
    case Intent::Kind::traffic: return "traffic";
    case Intent::Kind::promote: return "promote";
    case Intent::Kind::rollback: return "rollback";
    case Intent::Kind::pause: return "pause";
    case Intent::Kind::resume: return "resume";
    case Intent::Kind::cleanup: return "cleanup";
    case Intent::Kind::interrupt: return "interrupt";
  }
  return "?";
}

}  // namespace linnet::core
