// Time of one weight change on disk. Reference: one bare rename of a symlink in the same directory.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "local/weight_switch.h"

namespace {

using linnet::Percent;
using linnet::local::WeightSwitch;

struct Folder {
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "linnet-bench-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

void rollback(benchmark::State& state) {
  const Folder folder;
  const WeightSwitch weight(folder.path + "/shop");
  if (!weight.prepare()) return state.SkipWithError("prepare");
  for (auto _ : state)
    if (!weight.set(Percent(), true)) return state.SkipWithError("set");
}
BENCHMARK(rollback)->Unit(benchmark::kMicrosecond);

void bare_rename(benchmark::State& state) {
  const Folder folder;
  for (auto _ : state) {
    const bool failed =
        ::symlink("x", (folder.path + "/next").c_str()) != 0 ||
        ::rename((folder.path + "/next").c_str(), (folder.path + "/cur").c_str()) != 0;
    if (failed) return state.SkipWithError("rename");
  }
}
BENCHMARK(bare_rename)->Unit(benchmark::kMicrosecond);

/// Between two weights whose directories exist: durable when raised (one fsync).
void known_weights(benchmark::State& state) {
  const Folder folder;
  const WeightSwitch weight(folder.path + "/shop");
  if (!weight.prepare()) return state.SkipWithError("prepare");
  for (auto _ : state) {
    if (!weight.set(Percent::whole(25), false)) return state.SkipWithError("set");
    if (!weight.set(Percent::whole(5), false)) return state.SkipWithError("set");
  }
}
BENCHMARK(known_weights)->Unit(benchmark::kMicrosecond);

/// A weight for the first time: its directory is built.
void new_weight(benchmark::State& state) {
  const int tenths = static_cast<int>(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    auto folder = std::make_unique<Folder>();
    const WeightSwitch weight(folder->path + "/shop");
    if (!weight.prepare()) return state.SkipWithError("prepare");
    state.ResumeTiming();
    if (!weight.set(Percent::from_ppm(tenths * 1000), false)) return state.SkipWithError("set");
    state.PauseTiming();
    folder.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(new_weight)->Arg(50)->Arg(1000)->ArgName("tenths")->Unit(benchmark::kMicrosecond);

void read_back(benchmark::State& state) {
  const Folder folder;
  const WeightSwitch weight(folder.path + "/shop");
  if (!weight.prepare() || !weight.set(Percent::whole(25), false))
    return state.SkipWithError("prepare");
  for (auto _ : state) benchmark::DoNotOptimize(weight.read());
}
BENCHMARK(read_back)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
