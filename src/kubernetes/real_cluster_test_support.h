// What the tests against a real API server share. tests/cluster/test_client.py runs them, each in a
// namespace of its own, and says where: LINNET_TEST_KUBECONFIG is an administrator's kubeconfig.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "contract/run_task.h"
#include "kubernetes/client.h"
#include "kubernetes/config.h"
#include "net/curl.h"
#include "runtime/clock.h"
#include "runtime/task_group.h"

namespace linnet::kubernetes {

struct RealClusterTest : testing::Test {
  void SetUp() override {
    const char* file = std::getenv("LINNET_TEST_KUBECONFIG");
    const char* space = std::getenv("LINNET_TEST_NAMESPACE");
    ASSERT_TRUE(file != nullptr && space != nullptr) << "run by ./dev test cluster";
    where = space;
    auto loaded = net::Curl::load(io.get_executor());
    ASSERT_TRUE(loaded);
    curl = std::move(*loaded);
    ConfigChoice choice;
    choice.kubeconfig_flag = file;
    auto read = load_config(choice);
    ASSERT_TRUE(read) << read.error().message;
    config = std::move(*read);
    admin = std::make_unique<Client>(*curl, clock, config);
  }
  void TearDown() override {
    tasks.cancel();
    EXPECT_TRUE(eventually([this] { return tasks.running() == 0; }));
  }

  template <class T>
  T run(Task<T> task) {
    return contract::run(io, std::move(task));
  }
  Deadline soon() { return clock.now().mono + 30s; }
  /// Runs the context until it holds.
  template <class Condition>
  bool eventually(Condition holds) {
    return contract::until(io, holds, 90s);
  }

  boost::asio::io_context io;
  runtime::SystemClock clock;
  std::unique_ptr<net::Curl> curl;
  Config config;
  std::unique_ptr<Client> admin;
  std::string where;
  runtime::TaskGroup tasks{io.get_executor()};
};

}  // namespace linnet::kubernetes
