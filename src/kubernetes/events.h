// What a release does, told as Events on its stable Deployment, where `kubectl describe` and event
// collectors see it. Telling never holds a release up: a queue with a bound, and what cannot be
// told is dropped. (client-go tools/events/event_broadcaster.go for how series are kept)
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "kubernetes/client.h"
#include "kubernetes/names.h"
#include "ports/ports.h"

namespace linnet::kubernetes {

/// One thing to tell, as the core writes it into its journal.
struct EventText {
  std::string reason;  // "RolledBack"
  std::string note;    // at most 1 KiB
  bool warning = false;
  friend bool operator==(const EventText&, const EventText&) = default;
};

/// Changes of phase, weights and verdicts; nothing for lines that only the journal is for.
std::optional<EventText> event_of(const core::Entry& entry);

/// Who tells, and about what.
struct EventSource {
  std::string name_space;
  std::string deployment;
  std::string instance;  // "host-4711": which linnet
  /// The Deployment's, empty while it is not known. `kubectl describe` looks for events by it, so
  /// it is asked for at each event: the Deployment may be made anew.
  std::function<std::string()> uid;
};

/// How long a refusal is taken for a passing one.
struct EventTimes {
  Duration pause = 1s;
  Duration believed = longest_refusal;
};

/// events.k8s.io/v1. `serial` makes its name unique for this source.
boost::json::object event_object(const EventSource& source, const EventText& text, WallTime now,
                                 std::int64_t serial);
/// The merge patch of an event that came `count` times, last at `now`.
boost::json::object series_patch(std::int64_t count, WallTime now);

/// One release, one thread. `client` and `clock` outlive it.
class EventPoster {
 public:
  /// `say` gets one line when events cannot be written for good (no right to).
  EventPoster(boost::asio::any_io_executor executor, Client& client, Clock& clock,
              EventSource source, std::function<void(std::string)> say, EventTimes times = {});
  ~EventPoster();
  EventPoster(const EventPoster&) = delete;
  EventPoster& operator=(const EventPoster&) = delete;

  /// Queues it and returns. The same text again within 6 minutes counts up the event before.
  void tell(const core::Entry& entry);
  /// Posts what is queued, until cancelled.
  Task<void> run();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace linnet::kubernetes
