// The store in ConfigMaps as the contract of all stores asks for it, on an API server in memory.
// The contract's tests come along: in one file of a program only.
#pragma once

#include <memory>
#include <string>

#include "contract/store_contract.h"
#include "kubernetes/config_map_store.h"
#include "kubernetes/kubernetes_testing.h"

namespace linnet::kubernetes {

class ConfigMapStoreUnderTest : public contract::StoreUnderTest {
 public:
  ConfigMapStoreUnderTest() {
    curl_ = std::move(*net::Curl::load(context.get_executor()));
    open();
    for (const char* release : {"shop", "api"})
      CHECK(contract::run(context, store_->put_spec(release, {"name: x\n", {}})).has_value());
  }
  Store& store() override { return *store_; }
  Result<std::int64_t> add_intent(const std::string& release, const core::Intent& intent) override {
    return contract::run(context, store_->add_intent(release, intent));
  }
  std::optional<core::Answer> answer_of(std::int64_t intent) override {
    const auto state = contract::run(context, store_->intent_state("shop", intent));
    return state ? *state : std::nullopt;
  }
  void reopen() override { open(); }

  // What a layer around the store needs besides; the client is another one after a reopening.
  Clock& clock() { return clock_; }
  Client& client() { return *client_; }

 private:
  void open() {
    client_ = std::make_unique<Client>(*curl_, clock_, api_.config());
    store_ = std::make_unique<ConfigMapStore>(*client_, clock_, "shop");
  }

  runtime::SystemClock clock_;
  ApiImposter api_{context};
  std::unique_ptr<net::Curl> curl_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<ConfigMapStore> store_;
};

}  // namespace linnet::kubernetes
