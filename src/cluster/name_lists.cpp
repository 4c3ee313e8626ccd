#include "cluster/name_lists.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>

#include "kubernetes/cluster_view.h"
#include "kubernetes/objects.h"
#include "runtime/clock.h"
#include "runtime/with_deadline.h"

namespace linnet::cluster {
namespace {

namespace k8s = kubernetes;

using Names = std::vector<std::string>;

constexpr std::int64_t rollouts = 20;

Task<Result<Names>> names_of(k8s::Client& client, k8s::Resource resource, Deadline deadline) {
  CO_TRY(list, co_await client.list(std::move(resource), "", deadline));
  co_return names_in(list);
}

Task<Result<Names>> ask(k8s::Client& client, Clock& clock, NameQuestion question, Duration limit) {
  const Deadline deadline = clock.now().mono + limit;
  if (question.kind == NameKind::namespaces) {
    k8s::Resource everywhere{"v1", "namespaces", ""};
    co_return co_await names_of(client, std::move(everywhere), deadline);
  }
  if (question.kind == NameKind::deployments) {
    k8s::Resource there{"apps/v1", "deployments", question.name_space};
    co_return co_await names_of(client, std::move(there), deadline);
  }
  k8s::StoreTimes times;
  times.deadline = limit;
  k8s::ConfigMapStore store(client, clock, question.name_space, times);
  if (question.kind == NameKind::releases) co_return co_await store.releases();
  CO_TRY(history, co_await store.history(question.release, rollouts));
  co_return versions_in(history);
}

Task<Result<StoredSpec>> ask_spec(k8s::Client& client, Clock& clock, NameQuestion question,
                                  Duration limit) {
  k8s::StoreTimes times;
  times.deadline = limit;
  k8s::ConfigMapStore store(client, clock, question.name_space, times);
  Result<StoredSpec> spec = co_await store.spec(question.release);
  if (spec || spec.error().code != Code::not_found) co_return spec;
  const Deadline deadline = clock.now().mono + limit;
  CO_TRY_VOID(co_await k8s::check_namespace(client, question.name_space, deadline));
  const Result<Names> names = co_await store.releases();  // who may not list them does without
  co_return fail(Code::not_found, "namespace {} has no release '{}'{}", question.name_space,
                 question.release,
                 names && !names->empty() ? fmt::format(", only {}", fmt::join(*names, ", ")) : "");
}

template <class T>
Result<T> ask_once(k8s::Config config, NameQuestion question, Duration limit,
                   Task<Result<T>> (*ask)(k8s::Client&, Clock&, NameQuestion, Duration)) {
  if (question.name_space.empty()) question.name_space = config.name_space;
  boost::asio::io_context io(1);
  runtime::SystemClock clock;
  TRY(curl, net::Curl::load(io.get_executor()));
  k8s::Client client(*curl, clock, std::move(config), "linnet", true);
  if (question.login) client.adopt(*question.login);
  Result<T> answer = fail(Code::internal, "no answer");
  boost::asio::co_spawn(io,
                        runtime::with_deadline(ask(client, clock, std::move(question), limit),
                                               limit, "asking the cluster"),
                        [&](const std::exception_ptr& failed, Result<T> got) {
                          if (!failed) answer = std::move(got);
                          io.stop();
                        });
  io.run();
  return answer;
}

}  // namespace

std::vector<std::string> names_in(const boost::json::value& list) {
  Names names;
  for (const boost::json::value& item : k8s::list_at(list, {"items"}))
    if (std::string name = k8s::name_of(item); !name.empty()) names.push_back(std::move(name));
  return names;
}

std::vector<std::string> versions_in(const std::vector<core::RolloutRecord>& history) {
  Names versions;
  for (const core::RolloutRecord& record : history)
    for (const std::string& version : {record.rollout.to, record.rollout.from})
      if (!version.empty() &&
          std::find(versions.begin(), versions.end(), version) == versions.end())
        versions.push_back(version);
  return versions;
}

Result<std::vector<std::string>> list_names(NameQuestion question, Duration limit) {
  TRY(config, k8s::load_config(question.cluster));
  // A plugin that asks something would ask in the midst of a line that is being typed.
  if (config.exec) config.exec->interactive = k8s::ExecPlugin::Interactive::never;
  return ask_once<Names>(std::move(config), std::move(question), limit, ask);
}

Result<StoredSpec> stored_spec(NameQuestion question, Duration limit) {
  TRY(config, k8s::load_config(question.cluster));
  return ask_once<StoredSpec>(std::move(config), std::move(question), limit, ask_spec);
}

}  // namespace linnet::cluster
