// NGINX's own request counter (stub_status), and what it says about lines that never arrived.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "async/task.h"
#include "ports/ports.h"

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

/// Pure part: compares completed requests with lines counted later. Its answer is a lower bound
/// that becomes exact whenever traffic pauses; a request that is only late is never counted as
/// lost.
class LossEstimate {
 public:
  /// `completed`: requests that NGINX had finished at some instant; `lines_then`: lines counted up
  /// to that instant; `lines_later`: lines counted at least a flush of the log later.
  void add(std::int64_t completed, std::int64_t lines_then, std::int64_t lines_later);
  /// NGINX was started anew: its counter began at 0.
  void restart();
  [[nodiscard]] std::int64_t lost() const { return before_ + current_; }

 private:
  std::optional<std::int64_t> base_;  // completed - lines without any loss: an upper bound
  std::int64_t last_deficit_ = 0;
  std::int64_t current_ = 0;
  std::int64_t before_ = 0;
};

/// Shared by all access logs of one NGINX: its counter knows no releases, so a loss is reported to
/// each of them.
class LossMeter {
 public:
  /// `prefix`: NGINX's directory; `lines`: the sum over all its logs (Counters::lines).
  LossMeter(boost::asio::io_context& io, Clock& clock, std::string prefix,
            std::function<std::int64_t()> lines);
  /// All losses known so far. Reads NGINX's counter when the last reading is old enough for all of
  /// its lines to have arrived; a counter that cannot be read changes nothing.
  Task<std::int64_t> measure(Deadline deadline);

 private:
  struct Reading {
    std::int64_t completed = 0;  // without our own questions
    std::int64_t lines = 0;
    MonoTime at;
  };
  boost::asio::io_context& io_;
  Clock& clock_;
  std::string prefix_;
  std::function<std::int64_t()> lines_;
  LossEstimate estimate_;
  std::optional<Reading> last_;
  std::int64_t last_requests_ = 0;
  std::int64_t own_ = 0;  // our own questions that NGINX's counter holds
  bool busy_ = false;
};

}  // namespace linnet::local
