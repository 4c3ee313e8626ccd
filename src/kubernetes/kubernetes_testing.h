// What the tests of this folder share: a client of an API server in memory, in one context.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "contract/run_task.h"
#include "kubernetes/api_imposter.h"
#include "net/curl.h"
#include "runtime/clock.h"
#include "runtime/task_group.h"

namespace linnet::kubernetes {

struct ApiTest : testing::Test {
  ApiTest() {
    auto loaded = net::Curl::load(io.get_executor());
    CHECK(loaded.has_value());
    curl = std::move(*loaded);
    client = std::make_unique<Client>(*curl, clock, api.config());
  }
  ~ApiTest() override { tasks.cancel(); }
  template <class T>
  T run(Task<T> task) {
    return contract::run(io, std::move(task));
  }
  Deadline within(Duration limit) { return clock.now().mono + limit; }
  Deadline soon() { return within(20s); }
  /// Runs the context until it holds.
  template <class Condition>
  bool eventually(Condition holds, Duration limit = 20s) {
    return contract::until(io, holds, limit);
  }

  boost::asio::io_context io;
  runtime::SystemClock clock;
  std::unique_ptr<net::Curl> curl;
  ApiImposter api{io};
  std::unique_ptr<Client> client;
  runtime::TaskGroup tasks{io.get_executor()};
  const Resource maps{"v1", "configmaps", "shop"};
};

}  // namespace linnet::kubernetes
