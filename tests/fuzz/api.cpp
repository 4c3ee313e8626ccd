// The routes of the API over a backend that keeps what it is given: every request is answered, with
// a known status and a body that is JSON (or metrics).
#include <boost/asio/io_context.hpp>
#include <boost/json/value.hpp>

#include "api/routes.h"
#include "contract/run_task.h"
#include "fuzz/fuzz.h"

using namespace linnet;

namespace {

/// One release; a spec is read as the daemon reads it.
struct Backend : api::Backend {
  api::DaemonInfo info() override { return {"0.1.0", 42, WallTime{0}}; }
  Task<Result<api::PutSpec>> put_spec(std::string, std::string yaml, std::string file) override {
    co_return api::PutSpec{true, spec::read_specs(yaml, file).mistakes};
  }
  Task<Result<std::vector<api::StatusView>>> releases() override {
    co_return std::vector<api::StatusView>{view()};
  }
  Task<Result<api::StatusView>> status(std::string release) override {
    if (release != "shop") co_return fail(Code::not_found, "there is no '{}'", release);
    co_return view();
  }
  Task<Result<std::string>> spec(std::string) override { co_return "kind: Release\n"; }
  Task<Result<std::int64_t>> add_intent(std::string, core::Intent intent) override {
    CHECK(!intent.by.empty() && intent.weight.is_tenth_step());
    co_return 12;
  }
  Task<Result<std::optional<core::Answer>>> intent_state(std::string, std::int64_t id) override {
    CHECK(id > 0);
    co_return core::Answer{};
  }
  Task<Result<std::vector<wire::JournalLine>>> journal(std::string, std::int64_t,
                                                       int limit) override {
    CHECK(limit > 0 && limit <= 1'000'000);
    co_return std::vector<wire::JournalLine>{{7, WallTime{0}, {}}};
  }
  Task<Result<std::int64_t>> journal_end(std::string) override { co_return 7; }
  Task<Result<std::vector<core::RolloutRecord>>> history(std::string, int limit) override {
    CHECK(limit > 0 && limit <= 1'000'000);
    co_return std::vector<core::RolloutRecord>(1);
  }
  Task<Result<api::CountsView>> counts(std::string) override { co_return api::CountsView{}; }
  Task<Result<std::vector<api::InstanceView>>> instances(std::string) override {
    co_return std::vector<api::InstanceView>(1);
  }
  Task<Result<std::vector<api::Finding>>> doctor(std::string) override {
    co_return std::vector<api::Finding>(1);
  }
  Task<Result<api::Plan>> plan(std::string, std::string version) override {
    api::Plan plan;
    plan.steps.push_back({"start " + version, ""});
    plan.changes.push_back({"Deployment", "canary", "change", {{"spec.replicas", {"0", "1"}}}});
    co_return plan;
  }
  Task<Result<api::LogsView>> logs(std::string, api::LogsWish, std::int64_t) override {
    co_return api::LogsView{};
  }
  Task<Result<api::MetricsView>> metrics() override { co_return api::MetricsView{}; }
  void shutdown(bool) override {}

  static api::StatusView view() {
    api::StatusView view{{}, {}, core::WorkloadSeen{}};
    view.release.name = "shop";
    return view;
  }
};

/// Stands still but where a poll waits: its time is over at the second look.
struct RunningClock : Clock {
  Now now() override {
    ms += 120'000;
    return {WallTime{ms}, MonoTime{ms}};
  }
  std::int64_t ms = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  boost::asio::io_context io;
  Backend backend;
  api::Changes changes(io.get_executor());
  RunningClock clock;
  api::Routes routes(backend, changes, clock);
  net::ServerRequest request;
  request.method = std::string(input.part());
  request.target = std::string(input.part());
  request.body = std::string(input.rest());
  request.peer = 1000;
  const net::ServerResponse answer = contract::run(io, routes.answer(std::move(request)));
  CHECK(answer.status >= 200 && answer.status < 600 && answer.status != 500);
  if (answer.content_type == "application/json") {
    CHECK(wire::parse(answer.body, 64 << 20).has_value());
    CHECK(fuzz::is_printable(answer.body));
  }
  return 0;
}
