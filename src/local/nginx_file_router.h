// TrafficRouter of one machine: the weight switch that NGINX looks through. Nothing here waits.
#pragma once

#include "local/weight_switch.h"
#include "ports/ports.h"

namespace linnet::local {

class NginxFileRouter final : public TrafficRouter {
 public:
  explicit NginxFileRouter(WeightSwitch weight_switch) : switch_(std::move(weight_switch)) {}

  Task<Result<core::TrafficSeen>> read(Deadline deadline) override;
  Task<Result<void>> set(core::SetWeight level, Deadline deadline) override;

 private:
  WeightSwitch switch_;
};

}  // namespace linnet::local
