// NGINX's own request counter (stub_status), and what it says about lines that never arrived.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "async/task.h"

namespace boost::asio {
class io_context;
}

namespace linnet::local {

struct StubStatus {
  std::int64_t requests = 0;  // since NGINX started, the one being answered included
  std::int64_t reading = 0;
  std::int64_t writing = 0;  // the one being answered included
  [[nodiscard]] std::int64_t completed() const { return requests - reading - writing; }
};
/// The body of the status page. Code::invalid: something else.
Result<StubStatus> parse_stub_status(std::string_view text);

/// Pure part: compares completed requests with lines counted later. Its answer is a lower bound that
/// becomes exact whenever traffic pauses; it never counts a request as lost that is only late.
class LossEstimate {
 public:
  /// `completed`: requests that NGINX had finished at some instant; `lines_then`: lines counted up to
  /// that instant; `lines_now`: lines counted by now, at least a flush later.
  void add(std::int64_t completed, std::int64_t lines_then, std::int64_t lines_now);
  /// NGINX was started anew: its counter began at 0.
  void restart();
  [[nodiscard]] std::int64_t lost() const { return before_ + current_; }

 private:
  std::optional<std::int64_t> base_;  // completed - lines without any loss: an upper bound
  std::int64_t last_deficit_ = 0;
  std::int64_t current_ = 0;
  std::int64_t before_ = 0;
};

/// Shared by all access logs of one NGINX: its counter knows no releases.
class LossMeter {
 public:
  /// `directory`: NGINX's prefix; `lines`: the sum over all its logs.
  LossMeter(boost::asio::io_context& io, std::string prefix, std::function<std::int64_t()> lines);
  /// Reads the counter when the last reading is older than half a second. Returns all losses known so
  /// far; a counter that cannot be read changes nothing.
  Task<std::int64_t> measure(Deadline deadline);

 private:
  Task<Result<StubStatus>> read();

  boost::asio::io_context& io_;
  std::string socket_directory_;
  std::function<std::int64_t()> lines_;
  LossEstimate estimate_;
  std::int64_t own_requests_ = 0;
  std::int64_t last_completed_ = -1;
  std::int64_t last_requests_ = 0;
  std::int64_t last_lines_ = 0;
  std::int64_t last_read_ms_ = 0;
};

}  // namespace linnet::local
