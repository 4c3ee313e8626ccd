// Who drives a release: a coordination.k8s.io Lease, so that two processes never do at once. The
// clocks of others are never believed: a holder is dead when its record has not changed for the
// lease's time as measured here. It is no fence: ask held() before each write.
// (client-go tools/leaderelection/leaderelection.go)
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "kubernetes/client.h"
#include "ports/ports.h"

namespace linnet::kubernetes {

struct LeaseTimes {
  Duration lease = 15s;           // how long others respect a record that does not change
  Duration renew_deadline = 10s;  // without a renewal for so long it is not held any more
  Duration retry = 2s;            // between renewals, and between looks at another's record
};

/// Somebody's record.
struct LeaseHolder {
  std::string identity;  // "anna@build-7 4711"
  std::string since;     // RFC 3339, by the holder's clock
  std::string renewed;
};

class Lease {
 public:
  /// `identity` is told to whom it concerns, and nobody else's ever: "user@host pid random". What
  /// is passed outlives it.
  Lease(Client& client, Clock& clock, std::string name_space, std::string name,
        std::string identity, LeaseTimes times = {});
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  /// Takes it. The answer is from whom, when its holder died without giving it back. `waiting` is
  /// told once of a holder whose life or death only time will show (at most the lease's time).
  /// Code::conflict: it is held, by whom and since when; told as soon as the holder is seen alive.
  /// Code::timed_out: `deadline` came first.
  Task<Result<std::optional<LeaseHolder>>> acquire(
      Deadline deadline, std::function<void(const LeaseHolder&)> waiting = {});
  /// Nothing while somebody holds it; else whose it was, as far as its record still says. A record
  /// that looks old may be that of a slow clock: it is watched for longer than a renewal takes.
  Task<Result<std::optional<LeaseHolder>>> left_by(Deadline deadline);
  /// Renews it; returns with the reason when it was lost: taken by another (Code::conflict), or not
  /// renewed in time (Code::unavailable). Until cancelled.
  Task<Error> keep();
  /// Ours, and renewed within renew_deadline.
  [[nodiscard]] bool held() const;
  /// Renewed so lately that others still leave it alone, held or not any more.
  [[nodiscard]] bool respected() const;
  /// Gives it back, so that the next need not wait. Not held: does nothing.
  Task<Result<void>> release(Deadline deadline);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace linnet::kubernetes
