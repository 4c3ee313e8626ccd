// The release "web" in namespace "shop" that tests of the workload are about, and where an API
// server in memory keeps what belongs to it.
#pragma once

#include "kubernetes/client.h"
#include "kubernetes/names.h"

namespace linnet::kubernetes {

inline const Resource deployments{"apps/v1", "deployments", "shop"};
inline const Resource pods{"v1", "pods", "shop"};
inline const Resource slices{"discovery.k8s.io/v1", "endpointslices", "shop"};

inline Names web() {
  Names names;
  names.release = "web";
  names.name_space = "shop";
  names.workload = {"web", "web-canary", "web", "shop/web:{{version}}", 2, 8080, "/health", ""};
  names.stable_service = "web";
  names.canary_service = "web-canary";
  return names;
}

}  // namespace linnet::kubernetes
