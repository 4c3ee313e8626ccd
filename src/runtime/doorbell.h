// Wakes the loop of one release out of its pause: an intent came in, a process died. A ring is a
// level, not a pulse: one that comes while nobody waits ends the next wait at once.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "ports/ports.h"

namespace linnet::runtime {

/// One thread only. The executor's context must outlive the waits, not this object.
class AsioDoorbell final : public Doorbell {
 public:
  explicit AsioDoorbell(boost::asio::any_io_executor executor);
  ~AsioDoorbell() override;
  AsioDoorbell(const AsioDoorbell&) = delete;
  AsioDoorbell& operator=(const AsioDoorbell&) = delete;

  /// Returns after `pause`, or as soon as ring() is called for this release; at once when it rang
  /// since the last wait returned. Cancelled: throws
  /// boost::system::system_error(operation_aborted).
  Task<void> wait(std::string release, Duration pause) override;
  void ring(const std::string& release) override;

 private:
  struct Bell;
  boost::asio::any_io_executor executor_;
  std::map<std::string, std::shared_ptr<Bell>> bells_;
  std::shared_ptr<Bell> bell(const std::string& release);
};

}  // namespace linnet::runtime
