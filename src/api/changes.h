// Wakes long polls: the engine rings after each save, and whoever follows a release looks again.
// Many may wait for one release; none misses a change between looking and waiting.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "async/task.h"

namespace linnet::api {

/// One thread only.
class Changes {
 public:
  explicit Changes(boost::asio::any_io_executor executor);
  ~Changes();
  Changes(const Changes&) = delete;
  Changes& operator=(const Changes&) = delete;

  /// How often it rang so far; read it before looking at the state.
  std::uint64_t count(const std::string& release) const;
  /// Returns when count(release) is not `seen` (any more), or after `limit`; true when it rang.
  /// Cancelled: throws operation_aborted.
  Task<bool> wait(std::string release, std::uint64_t seen, Duration limit);
  void ring(const std::string& release);

 private:
  struct Release;
  boost::asio::any_io_executor executor_;
  std::map<std::string, std::shared_ptr<Release>> releases_;
};

}  // namespace linnet::api
