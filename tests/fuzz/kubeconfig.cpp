// Kubeconfig files: two that are merged as kubectl does it, the first wins. Who is accepted has an
// address and a namespace; what is refused says which file and key.
#include "fuzz/fuzz.h"
#include "kubernetes/config.h"

using namespace linnet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::MemoryFile first, second;
  fuzz::Input input(data, size);
  const std::string one(input.part());
  kubernetes::ConfigChoice choice;
  choice.kubeconfig_env = first.holding(one) + ":" + second.holding(input.part());
  choice.context = std::string(input.rest());
  const auto config = kubernetes::load_config(choice);
  if (!config) {
    CHECK(config.error().code == Code::invalid || config.error().code == Code::not_found);
    CHECK(!config.error().message.empty());
    return 0;
  }
  CHECK(config->server.starts_with("https://") || config->server.starts_with("http://"));
  CHECK(!config->name_space.empty() && !config->context.empty());
  if (!choice.context.empty()) CHECK(config->context == choice.context);
  if (config->impersonate.empty())
    CHECK(config->impersonate_groups.empty() && config->impersonate_uid.empty());
  if (config->exec) CHECK(!config->exec->command.empty());
  // Where the first file says it all, the second changes nothing.
  choice.kubeconfig_env.clear();
  choice.kubeconfig_flag = first.holding(one);
  if (const auto alone = kubernetes::load_config(choice)) {
    CHECK(alone->context == config->context && alone->server == config->server);
    CHECK(alone->user == config->user && alone->token == config->token);
  }
  return 0;
}
