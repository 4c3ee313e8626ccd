// How the engine beside a command ends: in order after a goodbye, at once when the command was
// killed.
#include "cluster/drive.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "spec/read.h"

namespace linnet::cluster {
namespace {

constexpr int in_order = 0;
constexpr int at_once = 4;

// The engine's exit code after the command did this with its end of the pipe.
int end_after(void (*leave)(int life), const std::string& more = "") {
  char folder[] = "/tmp/linnet-drive-XXXXXX";
  if (::mkdtemp(folder) == nullptr) return -1;
  DriveOptions options;
  options.release = spec::read_specs(
                        "metadata: { name: shop, namespace: shop }\nspec:\n  workload: { "
                        "deployments: { image: 'shop/web:{{version}}' } }\n" +
                            more,
                        "t.yaml")
                        .releases.at(0);
  options.cluster.kubeconfig_flag = std::string(folder) + "/kubeconfig";
  std::ofstream(options.cluster.kubeconfig_flag)
      << "{ clusters: [{ name: c, cluster: { server: 'http://127.0.0.1:1' } }],\n"
         "  contexts: [{ name: c, context: { cluster: c } }], current-context: c }\n";
  options.socket = std::string(folder) + "/engine.sock";
  int life[2];
  int ready[2];
  if (::pipe2(life, O_CLOEXEC) != 0 || ::pipe2(ready, O_CLOEXEC) != 0) return -1;
  const pid_t engine = ::fork();
  if (engine == 0) {
    ::close(life[1]);
    ::close(ready[0]);
    options.life_fd = life[0];
    options.ready_fd = ready[1];
    ::_exit(drive(options));
  }
  ::close(life[0]);
  ::close(ready[1]);
  char said = 0;
  EXPECT_EQ(::read(ready[0], &said, 1), 1);
  EXPECT_EQ(said, '\n');
  leave(life[1]);
  int status = 0;
  ::waitpid(engine, &status, 0);
  ::close(ready[0]);
  std::filesystem::remove_all(folder);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Drive, EndsInOrderAfterAGoodbyeAndAtOnceWithoutOne) {
  EXPECT_EQ(end_after([](int life) {
              EXPECT_EQ(::write(life, "\n", 1), 1);
              ::close(life);
            }),
            in_order);
  EXPECT_EQ(end_after([](int life) { ::close(life); }), at_once)
      << "or a killed command's Lease is given back now and then";
}

TEST(Drive, ARollbackNeedsNoMetricsRecipeAndSoTheEngineServesWithoutIt) {
  for (const char* metrics : {"  metrics: { source: prometheus, recipe: nobodyhas }\n",
                              "  metrics: { source: scrape, recipe: traefik-ingress }\n"})
    EXPECT_EQ(end_after(
                  [](int life) {
                    EXPECT_EQ(::write(life, "\n", 1), 1);
                    ::close(life);
                  },
                  metrics),
              in_order);
}

}  // namespace
}  // namespace linnet::cluster
