// Tells people: posts each notice to the webhooks of its release, as JSON or in Slack's form, and
// tries again until it is taken or a bound is reached. A notice is dropped only with a journal
// line.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/curl.h"
#include "ports/ports.h"

namespace linnet::notify {

struct RetryRule {
  Duration first = 1s;  // pause after the first failure; doubles
  Duration longest = 60s;
  int attempts = 10;       // then it is given up (about 5 minutes with these numbers)
  Duration timeout = 10s;  // of one attempt
};

/// Delivery is at least once: a daemon that dies between delivery and save delivers again, with the
/// same `id` and `rollout`.
class WebhookNotifier final : public Notifier {
 public:
  /// Lines for the release's journal: a delivery given up, a webhook that is down. URLs appear with
  /// their host only.
  using OnTrouble = std::function<void(const core::Entry&)>;
  /// Rung when delivered() has something new, so that the engine's next turn comes at once.
  using OnDelivered = std::function<void()>;
  /// Gives the shared client; called again at each attempt until it succeeds (libcurl may be
  /// absent).
  using GetClient = std::function<Result<net::Curl*>()>;

  WebhookNotifier(boost::asio::any_io_executor executor, GetClient client, std::string release,
                  std::vector<core::Webhook> webhooks, OnTrouble on_trouble,
                  OnDelivered on_delivered = {}, RetryRule rule = {});
  /// Ends what is under way; undelivered notices stay in the release's outbox.
  ~WebhookNotifier() override;

  void send(const core::Notice& notice) override;
  std::vector<std::int64_t> delivered() override;
  /// Why what is under way was not taken so far: "https://hooks.example/...: it answered 500 ...",
  /// of the last attempt that failed. Empty: none has.
  [[nodiscard]] const std::string& trouble() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// The body that is posted; at most 8 KiB whatever the notice holds.
std::string webhook_body(const core::Webhook& webhook, const std::string& release,
                         const core::Notice& notice);

}  // namespace linnet::notify
