#include "local/access_log_source.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "local/nginx_status.h"
#include "local/testing/world.h"

namespace linnet::local {
namespace {

using namespace testing;  // NOLINT: the world of these tests
namespace fs = std::filesystem;

const std::string stable_line = "stable|200|127.0.0.1:7001|200|0.000|0.003\n";
const std::string canary_line = "canary|200|127.0.0.1:7101|200|0.000|0.003\n";
const std::string canary_500 = "canary|500|127.0.0.1:7101|500|0.000|0.003\n";

/// A log written by the test as NGINX would: opened once, appended to.
class LogWriter {
 public:
  explicit LogWriter(std::string path) : path_(std::move(path)) { reopen(); }
  ~LogWriter() { std::fclose(file_); }
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  void write(const std::string& text, int times = 1) {
    for (int i = 0; i < times; ++i) std::fwrite(text.data(), 1, text.size(), file_);
    std::fflush(file_);
  }
  void reopen() {
    if (file_ != nullptr) std::fclose(file_);
    file_ = std::fopen(path_.c_str(), "ae");
    CHECK(file_ != nullptr);
  }

 private:
  std::string path_;
  std::FILE* file_ = nullptr;
};

class AccessLogSourceTest : public ::testing::Test {
 protected:
  AccessLogSourceTest() : path_(folder_.path() + "/shop.access.log"), writer_(path_) {}

  std::unique_ptr<AccessLogSource> open() {
    AccessLogOptions options;
    options.path = path_;
    options.boundaries_ms = {5, 1000};
    options.canary_ports = {7101};
    options.stable_ports = {7000, 7001};
    options.changed = [this] { ++changed_; };
    options.rotate_bytes = rotate_bytes_;
    options.keep_bytes = keep_bytes_;
    options.keep = keep_;
    if (reopens_)
      options.reopen = [this]() -> Result<void> {
        ++reopened_;
        writer_.reopen();
        return {};
      };
    return std::make_unique<AccessLogSource>(io_, clock_, options);
  }
  core::Sample since(AccessLogSource& source, const std::string& cursor) {
    auto sample = run(io_, source.since(cursor, clock_.now().mono + Duration(10s)));
    EXPECT_TRUE(sample) << sample.error().message;
    return sample ? *sample : core::Sample{};
  }

  ScratchFolder folder_;
  boost::asio::io_context io_;
  SteadyClock clock_;
  std::string path_;
  LogWriter writer_;
  int changed_ = 0;
  int reopened_ = 0;
  bool reopens_ = true;
  std::uint64_t rotate_bytes_ = 64u << 20;
  std::uint64_t keep_bytes_ = 256u << 20;
  Duration keep_ = 30s;
};

TEST_F(AccessLogSourceTest, CountsWhatCameSinceTheCursorAndRepeatsItWhenAskedAgain) {
  writer_.write(canary_line, 7);  // before anybody asked
  auto source = open();
  const auto first = since(*source, "");
  EXPECT_EQ(first.canary.requests, 0);
  writer_.write(canary_line, 3);
  writer_.write(stable_line, 5);
  writer_.write(canary_500, 2);
  const auto second = since(*source, first.cursor);
  EXPECT_EQ(second.canary.requests, 5);
  EXPECT_EQ(second.canary.bad, 2);
  EXPECT_EQ(second.stable.requests, 5);
  ASSERT_EQ(second.stable_instances.size(), 1U);
  EXPECT_EQ(second.stable_instances[0], (core::InstanceCounts{"stable-1", second.stable}));
  EXPECT_EQ(second.canary.latency, (std::vector<std::int64_t>{5, 0, 0}));
  writer_.write(stable_line);
  const auto again = since(*source, first.cursor);
  EXPECT_EQ(again.canary, second.canary);
  EXPECT_EQ(again.stable.requests, 6);
  EXPECT_EQ(since(*source, second.cursor).stable.requests, 1);
  EXPECT_EQ(since(*source, again.cursor).stable.requests, 0);
  EXPECT_EQ(source->totals().canary.requests, 5);
}

TEST_F(AccessLogSourceTest, GoesOnAtASavedCursorAfterARestartWithoutLossOrDouble) {
  auto source = open();
  const auto first = since(*source, "");
  writer_.write(canary_line, 10);
  const auto saved = since(*source, first.cursor);
  writer_.write(canary_line, 4);
  since(*source, saved.cursor);  // counted, but never saved
  source.reset();
  writer_.write(canary_line, 5);  // while no linnet ran
  source = open();
  writer_.write(canary_line, 6);
  const auto window = since(*source, saved.cursor);
  EXPECT_EQ(window.canary.requests, 15);
  EXPECT_EQ(window.lost, 0);
  EXPECT_EQ(since(*source, saved.cursor).canary.requests, 15);
  writer_.write(canary_line);
  EXPECT_EQ(since(*source, window.cursor).canary.requests, 1);
}

TEST_F(AccessLogSourceTest, IsWokenByTheCanaryFailingWithoutBeingAsked) {
  auto source = open();
  since(*source, "");
  writer_.write(stable_line, 3);
  writer_.write(canary_500);
  EXPECT_TRUE(until(io_, [&] { return changed_ == 1; }));
  EXPECT_EQ(source->totals().stable.requests, 3);
}

TEST_F(AccessLogSourceTest, CountsHalfLinesWhenTheyAreWholeAndGarbageAsLost) {
  auto source = open();
  const auto first = since(*source, "");
  writer_.write(stable_line.substr(0, 11));
  EXPECT_EQ(since(*source, first.cursor).stable.requests, 0);
  writer_.write(stable_line.substr(11));
  writer_.write("\x01\xff garbage\n\n");
  writer_.write(std::string(100'000, 'z') + "\n");
  writer_.write(stable_line);
  const auto sample = since(*source, first.cursor);
  EXPECT_EQ(sample.stable.requests, 2);
  EXPECT_EQ(sample.lost, 3);
}

TEST_F(AccessLogSourceTest, FollowsARotationByOthersToTheLastLineOfTheOldFile) {
  reopens_ = false;
  auto source = open();
  const auto first = since(*source, "");
  writer_.write(canary_line, 3);
  fs::rename(path_, path_ + ".1");
  writer_.write(canary_line, 4);  // NGINX has not noticed yet
  std::ofstream(path_ + "").close();
  EXPECT_EQ(since(*source, first.cursor).canary.requests, 7);
  writer_.write(canary_line, 2);
  writer_.reopen();
  writer_.write(canary_line, 5);
  EXPECT_TRUE(until(io_, [&] { return source->totals().canary.requests == 14; }));
  const auto sample = since(*source, first.cursor);
  EXPECT_EQ(sample.canary.requests, 14);
  EXPECT_EQ(sample.lost, 0);
}

TEST_F(AccessLogSourceTest, AsksForANewFileWhenSomeoneRemovedIt) {
  auto source = open();
  const auto first = since(*source, "");
  writer_.write(canary_line, 3);
  fs::remove(path_);
  writer_.write(canary_line, 4);  // still goes into the removed file
  EXPECT_TRUE(until(io_, [&] { return reopened_ > 0; }));
  writer_.write(canary_line, 5);
  EXPECT_TRUE(until(io_, [&] { return source->totals().canary.requests == 12; }));
  EXPECT_EQ(since(*source, first.cursor).canary.requests, 12);
}

TEST_F(AccessLogSourceTest, GoesOnAfterSomeoneCutTheFileShortAndSaysSo) {
  auto source = open();
  const auto first = since(*source, "");
  writer_.write(canary_line, 30);
  const auto second = since(*source, first.cursor);
  ASSERT_EQ(::truncate(path_.c_str(), 0), 0);
  writer_.write(canary_line, 2);
  const auto third = since(*source, second.cursor);
  EXPECT_EQ(third.canary.requests, 2);
  EXPECT_EQ(third.lost, 1);
  EXPECT_EQ(since(*source, third.cursor).lost, 0);
}

TEST_F(AccessLogSourceTest, SaysThatAPartIsGoneWhenTheFileOfACursorWasRemoved) {
  auto source = open();
  writer_.write(canary_line, 3);
  const auto saved = since(*source, "");
  source.reset();
  writer_.write(canary_line, 3);
  fs::remove(path_);
  writer_.reopen();
  writer_.write(canary_line, 2);
  source = open();
  const auto sample = since(*source, saved.cursor);
  EXPECT_EQ(sample.canary.requests, 2) << "what is still there is younger than the cursor";
  EXPECT_EQ(sample.lost, 1);
}

TEST_F(AccessLogSourceTest, GivesDiskSpaceBackWithoutLosingALineUnderAFlood) {
  rotate_bytes_ = 64u << 10;
  keep_ = 0ms;
  auto source = open();
  auto cursor = since(*source, "").cursor;
  std::int64_t counted = 0;
  for (int round = 0; round < 60; ++round) {
    writer_.write(stable_line, 2000);
    const auto sample = since(*source, cursor);
    counted += sample.stable.requests;
    EXPECT_EQ(sample.lost, 0);
    cursor = sample.cursor;
  }
  EXPECT_TRUE(until(io_, [&] { return source->totals().stable.requests == 120'000; }));
  counted += since(*source, cursor).stable.requests;
  EXPECT_EQ(counted, 120'000);
  EXPECT_GT(reopened_, 5);
  std::uintmax_t bytes = 0;
  for (const auto& file : fs::directory_iterator(folder_.path())) bytes += file.file_size();
  EXPECT_LT(bytes, 1'000'000u) << "5 MB were written";
}

TEST_F(AccessLogSourceTest, ReadsAgainAcrossFilesThatWerePutAside) {
  rotate_bytes_ = 16u << 10;
  auto source = open();
  auto first = since(*source, "");
  auto cursor = first.cursor;
  for (int round = 0; round < 10; ++round) {
    writer_.write(stable_line, 700);
    cursor = since(*source, cursor).cursor;
  }
  EXPECT_TRUE(until(io_, [&] { return source->totals().stable.requests == 7000; }));
  EXPECT_GT(reopened_, 2);
  source = open();
  const auto sample = since(*source, first.cursor);
  EXPECT_EQ(sample.stable.requests, 7000);
  EXPECT_EQ(sample.lost, 0);
}

TEST_F(AccessLogSourceTest, BoundsWhatItKeepsOfALogThatNobodyAsksAbout) {
  rotate_bytes_ = 16u << 10;
  keep_bytes_ = 100u << 10;
  auto source = open();
  const auto first = since(*source, "");
  for (int round = 1; round <= 60; ++round) {
    writer_.write(stable_line, 700);
    ASSERT_TRUE(until(io_, [&] { return source->totals().stable.requests == round * 700; }));
  }
  std::uintmax_t bytes = 0;
  for (const auto& file : fs::directory_iterator(folder_.path())) bytes += file.file_size();
  EXPECT_LT(bytes, 300'000u);
  EXPECT_EQ(since(*source, first.cursor).stable.requests, 42'000) << "counted all the same";
}

TEST_F(AccessLogSourceTest, SaysThatThereIsNoLogYetAndBeginsWhenThereIs) {
  reopens_ = false;
  path_ = folder_.path() + "/later.access.log";
  auto source = open();
  auto sample = run(io_, source->since("", clock_.now().mono + Duration(1s)));
  ASSERT_FALSE(sample);
  EXPECT_EQ(sample.error().code, Code::not_found);
  LogWriter late(path_);
  late.write(canary_line, 2);
  EXPECT_TRUE(until(io_, [&] { return source->totals().canary.requests == 2; }));
}

TEST_F(AccessLogSourceTest, RefusesACursorThatIsNone) {
  auto source = open();
  for (const auto* cursor : {"x", "1", "1:", ":1", "1:2x", "-1:2"}) {
    auto sample = run(io_, source->since(cursor, clock_.now().mono + Duration(1s)));
    ASSERT_FALSE(sample) << cursor;
    EXPECT_EQ(sample.error().code, Code::invalid);
  }
}

/// Source and loss meter on a real NGINX.
struct CountedWorld : World {
  CountedWorld()
      : stable(release().slots.stable[0], "stable"), canary(release().slots.canary[1], "canary") {
    const auto applied = apply();
    EXPECT_TRUE(applied) << applied.error().message;
    AccessLogOptions options;
    options.path = release().access_log;
    options.boundaries_ms = {100, 1000};
    options.canary_ports = release().slots.canary;
    options.reopen = [this] { return nginx->reopen_logs(); };
    meter.emplace(io, clock, own.prefix, [this] { return source ? source->totals().lines : 0; });
    options.loss = &*meter;
    source = std::make_unique<AccessLogSource>(io, clock, options);
  }
  core::Sample since(const std::string& cursor) {
    auto sample = run(io, source->since(cursor, soon()));
    EXPECT_TRUE(sample) << sample.error().message;
    return sample ? *sample : core::Sample{};
  }
  TinyServer stable, canary;
  std::optional<LossMeter> meter;
  std::unique_ptr<AccessLogSource> source;
};

TEST(AccessLogOfNginx, SaysWhatTheInstancesSaid) {
  CountedWorld world;
  const auto first = world.since("");
  HttpClient client(world.port);
  ASSERT_TRUE(world.weight->set(Percent::whole(100), false));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(client.get("/").status, 200);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(client.get("/500").status, 500);
  // Cut connections: retried on stable for clients, bad all the same for the canary.
  for (int i = 0; i < 3; ++i) client.get("/cut");
  ASSERT_TRUE(world.weight->set(Percent(), false));
  for (int i = 0; i < 6; ++i) EXPECT_EQ(client.get("/").status, 200);
  ASSERT_TRUE(until(world.io, [&] { return world.source->totals().lines == 23; }));
  const auto sample = world.since(first.cursor);
  EXPECT_EQ(sample.canary.requests, 17);
  EXPECT_EQ(sample.canary.bad, 7);
  EXPECT_EQ(sample.stable.requests, 6);
  EXPECT_EQ(sample.stable.bad, 0);
  EXPECT_EQ(world.source->totals().garbage, 0);
}

TEST(AccessLogOfNginx, GetsANewFileFromNginxWhenSomeoneRemovesIt) {
  CountedWorld world;
  const auto first = world.since("");
  HttpClient client(world.port);
  for (int i = 0; i < 5; ++i) client.get("/");
  fs::remove(world.release().access_log);
  for (int i = 0; i < 5; ++i) client.get("/");
  EXPECT_TRUE(until(world.io, [&] { return fs::exists(world.release().access_log); }));
  for (int i = 0; i < 5; ++i) client.get("/");
  EXPECT_TRUE(until(world.io, [&] { return world.source->totals().stable.requests == 15; }));
  EXPECT_EQ(world.since(first.cursor).lost, 0);
}

int lines_in(const std::string& path) {
  std::ifstream file(path);
  int lines = 0;
  for (std::string line; std::getline(file, line);) ++lines;
  return lines;
}

TEST(AccessLogOfNginx, CountsRequestsWhoseLinesNeverArrived) {
  CountedWorld world;
  const auto& log = world.release().access_log;
  auto cursor = world.since("").cursor;
  HttpClient client(world.port);
  std::int64_t lost = 0;
  std::int64_t expected = 0;
  const auto round = [&](int requests) {
    for (int i = 0; i < requests; ++i, ++expected) client.get("/");
    ASSERT_TRUE(until(world.io, [&] { return world.source->totals().lines == expected; }));
    world.clock.ahead += 500ms;  // the meter lets late lines arrive first: here they have
    const auto sample = world.since(cursor);
    cursor = sample.cursor;
    lost += sample.lost;
  };
  for (int i = 0; i < 4; ++i) round(5);
  EXPECT_EQ(lost, 0) << "nothing is missing yet";
  // Forty lines are written and cut away before anybody read them.
  for (int i = 0; i < 40; ++i) client.get("/");
  boost::asio::io_context nothing;
  ASSERT_TRUE(until(nothing, [&] { return lines_in(log) == expected + 40; }));
  ASSERT_EQ(::truncate(log.c_str(), 0), 0);
  for (int i = 0; i < 4; ++i) round(5);
  EXPECT_EQ(lost, 35) << "a lower bound while requests go on: five may only be late";
  for (int i = 0; i < 3; ++i) round(0);
  EXPECT_EQ(lost, 40);
}

TEST(LossEstimate, IsExactWhenTrafficPausesAndNeverTooHigh) {
  LossEstimate estimate;
  estimate.add(100, 40, 60);  // adopted in the middle: 40 served before we counted, 20 on their way
  estimate.add(160, 120, 160 - 40);
  EXPECT_EQ(estimate.lost(), 0);
  estimate.add(200, 155, 155);  // 5 are missing, once
  EXPECT_EQ(estimate.lost(), 0) << "perhaps only late";
  estimate.add(210, 165, 165);
  EXPECT_EQ(estimate.lost(), 5);
  estimate.restart();
  estimate.add(3, 3, 3);
  EXPECT_EQ(estimate.lost(), 5) << "remembered";
}

TEST(StubStatus, IsReadOrRefused) {
  const auto status = parse_stub_status(
      "HTTP/1.1 200 OK\r\n\r\nActive connections: 3 \nserver accepts handled requests\n 28 28 46 \n"
      "Reading: 1 Writing: 2 Waiting: 2 \n");
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->requests, 46);
  EXPECT_EQ(status->completed(), 43);
  for (const auto* text : {"", "requests", "requests 1 2", "requests\n 1 2 3 \nReading: x",
                           "requests 99999999999999999999 1 1 Reading: 1 Writing: 1"})
    EXPECT_FALSE(parse_stub_status(text)) << text;
}

}  // namespace
}  // namespace linnet::local
