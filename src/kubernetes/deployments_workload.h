// The workload of a release on Kubernetes: a stable and a canary Deployment. What runs is read from
// watches, so a change is known within moments and looking costs nothing; a level is one write.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>

#include "kubernetes/client.h"
#include "kubernetes/names.h"
#include "ports/ports.h"

namespace linnet::kubernetes {

/// One release, one thread. `client` and `clock` outlive it.
class DeploymentsWorkload final : public Workload {
 public:
  /// `changed` is called after each change of what is watched.
  DeploymentsWorkload(boost::asio::any_io_executor executor, Client& client, Clock& clock,
                      Names names, std::function<void()> changed, CacheTimes times = {});
  ~DeploymentsWorkload() override;
  DeploymentsWorkload(const DeploymentsWorkload&) = delete;
  DeploymentsWorkload& operator=(const DeploymentsWorkload&) = delete;

  /// Keeps the watches, until cancelled; ends when all of them have.
  Task<void> run();

  /// From memory. Code::unavailable while a watch is not fresh, saying which and why.
  Task<Result<core::WorkloadSeen>> observe(Deadline deadline) override;
  /// At most one PATCH, and none when the level is there (deployment_patch.h). Code::not_found: no
  /// such Deployment, `linnet init` makes it.
  Task<Result<void>> set(core::SetTrack level, Deadline deadline) override;

  /// As last seen or written; null: it does not exist or was not seen yet.
  [[nodiscard]] const Json* deployment(core::Track track) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace linnet::kubernetes
