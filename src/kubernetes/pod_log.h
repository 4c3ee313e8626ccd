// What a container writes, line by line, for as long as its pod is there. Its log is asked for with
// times, so that a stream that breaks is taken up again after the last line that came.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kubernetes/client.h"

namespace linnet::kubernetes {

struct LogSource {
  std::string name_space, pod, container;
};

/// Lines of a log whose lines begin with their times. One that is longer than `longest` bytes comes
/// as several.
class LogLines {
 public:
  explicit LogLines(std::size_t longest = 64u << 10) : longest_(longest) {}
  /// Lines that are whole now and later than all before, without their times.
  std::vector<std::string> take(std::string_view piece);
  /// The stream has ended well: its last line may lack an end.
  std::vector<std::string> end();
  /// The stream broke: what was begun comes again.
  void drop();
  /// The time of the newest line; empty before the first.
  [[nodiscard]] const std::string& last() const { return last_; }
  /// What came without a time since then: the node's own words, "unable to retrieve container logs
  /// for ..." where a container has just gone. Empty when the newest was a line of the container.
  [[nodiscard]] const std::string& node_says() const { return node_says_; }

 private:
  void finish(bool whole, std::vector<std::string>& lines);

  std::size_t longest_;
  std::string last_;
  std::string node_says_;
  std::string rest_;      // of the line that is being read
  bool goes_on_ = false;  // its beginning was handed out
  bool known_ = false;    // it came before, or is the node's
};

struct LogHooks {
  std::function<void(std::string)> line;
  /// Why nothing comes now; empty when it goes on.
  std::function<void(const std::string&)> trouble;
};

struct LogTimes {
  Duration pause = 1s;    // before it is asked for again
  Duration stall = 300s;  // without a byte; a quiet log is nothing unusual
  Duration believed = longest_refusal;
};

/// Returns when the pod is gone (Code::not_found) or its log may not be read, for so long that the
/// refusal is believed (Code::denied). A container that is started again is followed further.
/// `tail`: how many lines of before; all when below 0.
Task<Error> follow_log(Client& client, Clock& clock, LogSource source, int tail, LogHooks hooks,
                       LogTimes times = {});

}  // namespace linnet::kubernetes
