// One coroutine per notice and webhook, each with its own back-off; a notice is done when the last
// of them is.
#include "notify/webhook_notifier.h"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <charconv>
#include <deque>
#include <map>
#include <optional>

#include "runtime/task_group.h"
#include "runtime/with_deadline.h"

namespace linnet::notify {
namespace {

constexpr std::size_t max_under_way = 100;
constexpr std::size_t max_remembered = 1000;

/// A notice among all of a release, even if its numbers start anew.
using Key = std::pair<std::int64_t, std::int64_t>;
Key key_of(const core::Notice& notice) { return {notice.id, notice.at.ms}; }

bool wants(const core::Webhook& webhook, const std::string& event) {
  return webhook.on.empty() ||
         std::find(webhook.on.begin(), webhook.on.end(), event) != webhook.on.end();
}

/// How one attempt went.
struct Attempt {
  std::string trouble;  // empty: delivered
  bool again = true;    // whether trying again may help
  Duration at_least{};  // the receiver's wish for a pause
};

Attempt judge(const Result<net::Response>& response) {
  if (!response) {
    const Code code = response.error().code;
    return {response.error().message, code != Code::invalid && code != Code::denied, {}};
  }
  const int status = response->status;
  if (status >= 200 && status < 300) return {};
  Attempt attempt{fmt::format("it answered {} {}", status, net::status_text(status)), false, {}};
  if (status >= 300 && status < 400) {
    const std::string* to = net::find_header(response->headers, "Location");
    attempt.trouble = fmt::format("it answered {}, a redirect to {}, which is not followed", status,
                                  to == nullptr ? "nowhere" : net::loggable_url(*to));
  }
  attempt.again = status == 408 || status == 429 || status >= 500;
  if (const std::string* after = net::find_header(response->headers, "Retry-After")) {
    int seconds = 0;
    const auto [end, error] =
        std::from_chars(after->data(), after->data() + after->size(), seconds);
    if (error == std::errc() && seconds > 0) attempt.at_least = std::chrono::seconds(seconds);
  }
  return attempt;
}

}  // namespace

struct WebhookNotifier::State : std::enable_shared_from_this<State> {
  State(boost::asio::any_io_executor executor, GetClient c, std::string r,
        std::vector<core::Webhook> w, OnTrouble t, OnDelivered d, RetryRule u)
      : client(std::move(c)),
        release(std::move(r)),
        webhooks(std::move(w)),
        on_trouble(std::move(t)),
        on_delivered(std::move(d)),
        rule(u),
        tasks(std::move(executor)) {}

  GetClient client;
  std::string release;
  std::vector<core::Webhook> webhooks;
  OnTrouble on_trouble;
  OnDelivered on_delivered;
  RetryRule rule;
  runtime::TaskGroup tasks;
  std::map<Key, int> under_way;     // deliveries not ended yet
  std::deque<Key> ended;            // remembered, so that a repeated send delivers nothing twice
  std::vector<std::int64_t> fresh;  // ended since delivered() was last asked
  std::string last_trouble;         // of what is under way

  void trouble(const std::string& text) const {
    if (on_trouble) on_trouble({"notice", text});
  }
  void end(const Key& key);
  Task<Attempt> try_once(core::Webhook webhook, core::Notice notice);
  static Task<void> deliver(std::shared_ptr<State> state, core::Webhook webhook,
                            core::Notice notice);
  static Task<void> deliver_or_give_up(std::shared_ptr<State> state, core::Webhook webhook,
                                       core::Notice notice);
};

void WebhookNotifier::State::end(const Key& key) {
  const auto found = under_way.find(key);
  if (found == under_way.end() || --found->second > 0) return;
  under_way.erase(found);
  if (under_way.empty()) last_trouble.clear();
  ended.push_back(key);
  if (ended.size() > max_remembered) ended.pop_front();
  fresh.push_back(key.first);
  if (on_delivered) on_delivered();
}

Task<Attempt> WebhookNotifier::State::try_once(core::Webhook webhook, core::Notice notice) {
  auto curl = client();
  if (!curl) co_return Attempt{curl.error().message, true, {}};
  net::Request request;
  request.method = "POST";
  request.url = webhook.url;
  request.headers = {{"Content-Type", "application/json"}};
  request.body = webhook_body(webhook, release, notice);
  request.timeout = rule.timeout;
  request.connect_timeout = std::min(request.connect_timeout, rule.timeout);
  request.max_answer_bytes = 64 * 1024;
  const auto response = co_await (*curl)->send(std::move(request));
  co_return judge(response);
}

Task<void> WebhookNotifier::State::deliver_or_give_up(std::shared_ptr<State> state,
                                                      core::Webhook webhook, core::Notice notice) {
  const RetryRule rule = state->rule;
  Duration pause = rule.first;
  const std::string what =
      fmt::format("notice {} ({}) to {}", notice.id, notice.event, net::loggable_url(webhook.url));
  for (int attempt = 1;; ++attempt) {
    const Attempt result = co_await state->try_once(webhook, notice);
    if (result.trouble.empty()) co_return;
    state->last_trouble = fmt::format("{}: {}", net::loggable_url(webhook.url), result.trouble);
    if (!result.again || attempt >= rule.attempts) {
      state->trouble(fmt::format("{} given up after {} attempt{}: {}", what, attempt,
                                 attempt == 1 ? "" : "s", result.trouble));
      co_return;
    }
    if (attempt == 1)
      state->trouble(fmt::format("{} failed: {}; up to {} more attempts follow", what,
                                 result.trouble, rule.attempts - 1));
    co_await runtime::sleep_for(std::min(std::max(pause, result.at_least), rule.longest));
    pause = std::min(pause * 2, rule.longest);
  }
}

Task<void> WebhookNotifier::State::deliver(std::shared_ptr<State> state, core::Webhook webhook,
                                           core::Notice notice) {
  const Key key = key_of(notice);
  const std::int64_t id = notice.id;
  try {
    co_await deliver_or_give_up(state, std::move(webhook), std::move(notice));
  } catch (const boost::system::system_error& error) {
    // The daemon stops: the notice is still in the outbox and the next run sends it.
    if (error.code() == boost::asio::error::operation_aborted) throw;
    state->trouble(fmt::format("notice {} given up: {}", id, error.what()));
  } catch (const std::exception& error) {
    state->trouble(fmt::format("notice {} given up: {}", id, error.what()));
  }
  state->end(key);
}

WebhookNotifier::WebhookNotifier(boost::asio::any_io_executor executor, GetClient client,
                                 std::string release, std::vector<core::Webhook> webhooks,
                                 OnTrouble on_trouble, OnDelivered on_delivered, RetryRule rule)
    : state_(std::make_shared<State>(std::move(executor), std::move(client), std::move(release),
                                     std::move(webhooks), std::move(on_trouble),
                                     std::move(on_delivered), rule)) {}

WebhookNotifier::~WebhookNotifier() {
  state_->on_trouble = {};
  state_->on_delivered = {};
  state_->tasks.cancel();
}

void WebhookNotifier::send(const core::Notice& notice) {
  State& state = *state_;
  const Key key = key_of(notice);
  if (state.under_way.contains(key)) return;
  if (std::find(state.ended.begin(), state.ended.end(), key) != state.ended.end()) {
    // Asked again although it has ended: the engine could not save that. Told again, not sent
    // again.
    if (std::find(state.fresh.begin(), state.fresh.end(), notice.id) == state.fresh.end())
      state.fresh.push_back(notice.id);
    return;
  }
  // Beyond this it waits in the outbox; the engine comes again.
  if (state.under_way.size() >= max_under_way) return;
  std::vector<core::Webhook> takers;
  std::copy_if(state.webhooks.begin(), state.webhooks.end(), std::back_inserter(takers),
               [&](const core::Webhook& webhook) { return wants(webhook, notice.event); });
  // One more than there are deliveries: ended below, so that nothing ends within the loop.
  state.under_way[key] = static_cast<int>(takers.size()) + 1;
  for (core::Webhook& webhook : takers)
    state.tasks.spawn("notice", State::deliver(state_, std::move(webhook), notice));
  state.end(key);
}

const std::string& WebhookNotifier::trouble() const { return state_->last_trouble; }

std::vector<std::int64_t> WebhookNotifier::delivered() { return std::exchange(state_->fresh, {}); }

}  // namespace linnet::notify
