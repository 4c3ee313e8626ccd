// (stand-in until the real header is merged)
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include "local/slots.h"
#include "ports/ports.h"
namespace linnet::local {
struct ProcessView { core::Track track; core::Instance instance; std::int64_t pid; int port; std::string log; };
struct ChosenSlots { Slots slots; bool grown = false; };
Result<ChosenSlots> choose_slots(const std::string& directory, const core::ProcessWorkload& spec);
class ProcessWorkload final : public Workload {
 public:
  ProcessWorkload(boost::asio::any_io_executor executor, std::string release, core::ProcessWorkload spec, Slots slots, std::string directory, std::function<void()> changed, Clock& clock);
  ~ProcessWorkload() override;
  void start();
  void stop();
  Task<Result<core::WorkloadSeen>> observe(Deadline deadline) override;
  Task<Result<void>> set(core::SetTrack level, Deadline deadline) override;
  std::vector<ProcessView> processes() const;
};
}
