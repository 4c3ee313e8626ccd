// The router of a cluster as the contract of all routers asks for it: one canary Ingress in an API
// server in memory. The contract's tests come along: in one file of a program only.
#pragma once

#include <memory>

#include "contract/router_contract.h"
#include "kubernetes/recipe_router_test_support.h"

namespace linnet::kubernetes {

class ClusterRouter : public contract::RouterUnderTest {
 public:
  ClusterRouter() {
    auto loaded = net::Curl::load(context.get_executor());
    CHECK(loaded.has_value());
    curl_ = std::move(*loaded);
    api_ = std::make_unique<ApiImposter>(context);
    client_ = std::make_unique<Client>(*curl_, clock_, api_->config());
    api_->put(ingresses, canary_ingress("web-canary", "0"));
    open();
  }
  ~ClusterRouter() override { stop(); }

  TrafficRouter& router() override { return *router_; }
  Deadline soon() override { return clock_.now().mono + 20s; }
  void another_hand_sets(Percent weight) override {
    api_->put(ingresses, canary_ingress("web-canary", std::to_string(weight.ppm() / 10'000)));
    contract::until(context, [this, weight] {
      const auto seen = contract::run(context, router_->read(soon()));
      return seen && seen->weight == weight;
    });
  }
  void reopen() override {
    stop();
    open();
  }

  // What a layer around the router needs besides.
  Clock& clock() { return clock_; }
  Client& client() { return *client_; }

 private:
  void open() {
    tasks_ = std::make_unique<runtime::TaskGroup>(context.get_executor());
    router_ = *RecipeRouter::make(
        *client_, *recipes::find_router("ingress-nginx", ""), parameters("ingress", {"web"}), [] {},
        "linnet", quick());
    router_->watch(*tasks_);
    contract::until(context,
                    [this] { return contract::run(context, router_->read(soon())).has_value(); });
  }
  void stop() {
    if (!tasks_) return;
    tasks_->cancel();
    context.restart();
    context.poll();
    tasks_.reset();
  }

  runtime::SystemClock clock_;
  std::unique_ptr<net::Curl> curl_;
  std::unique_ptr<ApiImposter> api_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<RecipeRouter> router_;
  std::unique_ptr<runtime::TaskGroup> tasks_;
};

}  // namespace linnet::kubernetes
