// The workload of a cluster against the contract of all workloads, on an API server in memory with
// a controller of Deployments beside it. The store's is in config_map_store_test.cpp, the router's
// in recipe_router_test.cpp, and those of metrics in src/prometheus. Within the layers that a
// release puts around them all pass once more: src/cluster/guarded_test.cpp.
#include "kubernetes/deployments_test_support.h"

namespace linnet::contract {

INSTANTIATE_TEST_SUITE_P(Cluster, WorkloadContract, testing::Values([] {
                           return std::make_unique<kubernetes::DeploymentsUnderTest>();
                         }));
INSTANTIATE_TEST_SUITE_P(Cluster, PlatformContract, testing::Values([] {
                           return std::make_unique<kubernetes::DeploymentsUnderTest>();
                         }));

}  // namespace linnet::contract
