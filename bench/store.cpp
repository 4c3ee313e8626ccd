// What the SQLite store costs: each call's time beside a bare write and fdatasync of as many bytes
// on the same disk, and the memory that an open store takes. Usage: bench_store [folder]   (the
// folder's disk is what is measured)
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "local/sqlite_store.h"
#include "wire/json.h"

namespace linnet {
namespace {

using local::SqliteStore;

template <class T>
T now(Task<T> task) {
  boost::asio::io_context context;
  std::optional<T> out;
  boost::asio::co_spawn(context, std::move(task), [&out](std::exception_ptr error, T value) {
    if (error) std::rethrow_exception(error);
    out.emplace(std::move(value));
  });
  context.run();
  return std::move(out).value();
}

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  fmt::print(stderr, "{}\n", result.error().message);
  std::exit(1);
}

/// A rollout in its third step: two limits, both comparisons, 30 latency buckets.
core::Status busy_status() {
  core::Status status;
  status.stable_version = "v1.0.0";
  status.phase = core::Stepping{2, true, 0ms, 12s, 0ms};
  status.reason = "holding 50 % for 60 s: 12 s done";
  std::vector<double> boundaries;
  for (int i = 1; i <= 30; ++i) boundaries.push_back(i * 37.5);
  status.evidence.limits.resize(2);
  status.evidence.worse = must(stats::TwoSample::make(4));
  status.evidence.slower =
      must(stats::LatencyComparison::make(boundaries, must(stats::StageWeights::uniform(4))));
  (void)status.evidence.worse->add({1000, 13, 9000, 41});
  for (core::Counts* counts : {&status.stage.stable, &status.stage.canary, &status.stage.recent,
                               &status.stage.recent_before})
    *counts = {123456, 789, std::vector<std::int64_t>(31, 4711)};
  core::CheckReport check;
  check.name = "error_rate";
  check.unit = "%";
  check.value = 0.4123456789;
  status.checks.assign(3, check);
  core::Rollout rollout{"shop-7", "v1.0.0", "v1.1.0", "anna@build-7", {}, false, false, {}};
  rollout.steps.assign(2,
                       {0, Percent::whole(5), 60s, "passed", status.stage.canary, status.checks});
  status.rollout = rollout;
  return status;
}

void row(const char* what, int times, const std::function<void(int)>& call) {
  std::vector<double> ms;
  for (int i = 0; i < times; ++i) {
    const auto start = std::chrono::steady_clock::now();
    call(i);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    ms.push_back(took.count());
  }
  std::sort(ms.begin(), ms.end());
  const auto at = [&](double share) {
    return ms[static_cast<std::size_t>(share * (ms.size() - 1))];
  };
  fmt::print("{:<52} {:>6} {:>9.3f} {:>9.3f} {:>9.3f}\n", what, times, at(0.5), at(0.99),
             ms.back());
}

double resident_mb() {
  std::ifstream in("/proc/self/statm");
  long pages = 0, resident = 0;
  in >> pages >> resident;
  return static_cast<double>(resident * ::sysconf(_SC_PAGESIZE)) / 1e6;
}

void saves(SqliteStore& store, const std::string& folder) {
  const core::Status status = busy_status();
  const std::string saved = wire::save_status(status);
  fmt::print("a status in its third step: {} bytes\n\n", saved.size());
  fmt::print("{:<52} {:>6} {:>9} {:>9} {:>9}\n", "milliseconds", "times", "median", "p99", "max");
  const std::string path = folder + "/plain";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  row("reference: pwrite as many bytes, fdatasync", 300, [&](int i) {
    if (::pwrite(fd, saved.data(), saved.size(), static_cast<off_t>(i) * 16384) < 0 ||
        ::fdatasync(fd) != 0)
      std::exit(1);
  });
  ::close(fd);
  std::int64_t version = must(now(store.load("shop"))).version;
  row("save: status, one journal line", 1000, [&](int) {
    Saving saving{status, {}, {{"verdict", std::string(120, 'x')}}, std::nullopt, {}};
    version = must(now(store.save("shop", version, std::move(saving))));
  });
  row("add_intent", 300, [&](int) { must(store.add_intent("shop", core::Intent{})); });
  row("note (not forced to disk)", 1000, [&](int) {
    if (!store.note("shop", {}, {"weight", std::string(60, 'x')})) std::exit(1);
  });
  row("load", 1000, [&](int) { must(now(store.load("shop"))); });
  row("intents (300 open)", 300, [&](int) { must(now(store.intents("shop", 0))); });
  row("journal, 500 lines", 300, [&](int) { must(store.journal("shop", 0, 500)); });
  row("save_status alone", 1000, [&](int) { (void)wire::save_status(status); });
  row("load_status alone", 1000, [&](int) { must(wire::load_status(saved)); });
}

void full_journal(SqliteStore& store) {
  for (int release = 0; release < 5; ++release) {
    const std::string name = fmt::format("r{}", release);
    Saving saving{busy_status(), {}, {}, std::nullopt, {}};
    saving.entries.assign(10'000, {"verdict", std::string(120, 'x')});
    must(now(store.save(name, must(now(store.load(name))).version, std::move(saving))));
  }
}

int measure(const std::string& parent) {
  std::string folder = parent + "/bench-store-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return 1;
  const std::string path = folder + "/linnet.db";
  auto store = must(SqliteStore::open(path));
  if (!store->put_release("shop", "a: 1")) return 1;
  saves(*store, folder);
  full_journal(*store);
  store.reset();
  fmt::print("\nwith 5 releases of 10,000 journal lines each: {:.1f} MB\n",
             static_cast<double>(std::filesystem::file_size(path)) / 1e6);
  row("open: lock, integrity check of the whole file", 10, [&](int) {
    store.reset();
    store = must(SqliteStore::open(path));
  });
  std::int64_t version = must(now(store->load("r1"))).version;
  row("save while a journal of 10,000 lines is pruned", 300, [&](int) {
    Saving saving{busy_status(), {}, {}, std::nullopt, {}};
    saving.entries.assign(10, {"verdict", std::string(120, 'x')});
    version = must(now(store->save("r1", version, std::move(saving))));
  });
  store.reset();
  const double before = resident_mb();
  store = must(SqliteStore::open(path));
  must(now(store->load("r1")));
  must(store->journal_tail("r2", 500));
  fmt::print(
      "\nmemory: SQLite holds {:.2f} MB (at most {:.2f}); resident {:.1f} MB, {:.1f} before open\n",
      static_cast<double>(sqlite3_memory_used()) / 1e6,
      static_cast<double>(sqlite3_memory_highwater(0)) / 1e6, resident_mb(), before);
  store.reset();
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace linnet

int main(int argc, char** argv) {
  return linnet::measure(argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string());
}
