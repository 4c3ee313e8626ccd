// A store whose bytes were changed behind our back: a clear error or the right data, never a crash
// and never wrong data.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "local/sqlite_test_support.h"

namespace linnet::local {
namespace {

/// All that can be read; an error's message where something cannot.
struct Contents {
  std::vector<StoredRelease> releases;
  std::vector<core::Status> statuses;
  std::vector<core::Intent> intents;
  std::vector<IntentState> answered;
  std::vector<wire::JournalLine> lines;
  std::vector<core::RolloutRecord> history;
};

constexpr std::array<const char*, 2> names{"api", "shop"};
constexpr std::int64_t turns = 30;

Result<Contents> read_all(SqliteStore& store) {
  Contents all;
  TRY(releases, store.releases());
  all.releases = releases;
  for (const char* name : names) {
    TRY(record, now(store.load(name)));
    all.statuses.push_back(record.status);
    TRY(open, now(store.intents(name, 0)));
    all.intents.insert(all.intents.end(), open.begin(), open.end());
    TRY(lines, store.journal(name, 0, 1000));
    all.lines.insert(all.lines.end(), lines.begin(), lines.end());
    TRY(history, store.history(name, 1000));
    all.history.insert(all.history.end(), history.begin(), history.end());
  }
  for (std::int64_t id = 1; id <= 2 * turns + 2; ++id) {
    TRY(state, store.intent_state(id));
    all.answered.push_back(state);
  }
  return all;
}

void fill(const std::string& path) {
  auto store = open_store(path);
  for (const char* name : names)
    ASSERT_TRUE(store->put_release(name, "spec: " + std::string(2000, name[0])));
  for (const char* name : names) {
    for (std::int64_t n = 1; n <= turns; ++n) {
      const auto intent = store->add_intent(name, core::Intent{.by = "anna"});
      ASSERT_TRUE(intent);
      Saving saving = turn(n, *intent);
      saving.status.reason = std::string(300, 'r');
      saving.status.evidence.limits.emplace_back();
      ASSERT_TRUE(now(store->save(name, n - 1, std::move(saving))));
    }
    ASSERT_TRUE(store->add_intent(name, core::Intent{.by = "ben", .why = "still open"}));
  }
}

void expect_right(const Contents& found, const Contents& expected, const std::string& where) {
  EXPECT_EQ(found.releases, expected.releases) << where;
  EXPECT_EQ(found.statuses, expected.statuses) << where;
  EXPECT_EQ(found.intents, expected.intents) << where;
  EXPECT_EQ(found.history, expected.history) << where;
  ASSERT_EQ(found.answered.size(), expected.answered.size()) << where;
  for (std::size_t i = 0; i < found.answered.size(); ++i) {
    EXPECT_EQ(found.answered[i].answer, expected.answered[i].answer) << where;
  }
  ASSERT_EQ(found.lines.size(), expected.lines.size()) << where;
  for (std::size_t i = 0; i < found.lines.size(); ++i) {
    if (found.lines[i].entry.text == "this line is damaged in the store") continue;
    EXPECT_EQ(found.lines[i], expected.lines[i]) << where;
  }
}

class SqliteDamageTest : public testing::Test {
 protected:
  void SetUp() override {
    fill(folder.file("good.db"));
    auto store = open_store(folder.file("good.db"));
    auto all = read_all(*store);
    ASSERT_TRUE(all) << all.error().message;
    expected = std::move(*all);
    store.reset();
    good = bytes_of(folder.file("good.db"));
    ASSERT_GT(good.size(), 50'000u);
  }

  /// Opens these bytes as a store. True: it was refused.
  bool expect_right_or_refused(const std::string& bytes, const std::string& where) {
    std::filesystem::remove(path + "-wal");
    std::filesystem::remove(path + "-shm");
    write_bytes(path, bytes);
    auto store = SqliteStore::open(path);
    if (!store) {
      EXPECT_EQ(store.error().code, Code::unavailable) << where << store.error().message;
      EXPECT_NE(store.error().message.find(path), std::string::npos) << store.error().message;
      EXPECT_EQ(bytes_of(path), bytes) << where << ": a damaged file was written to";
      return true;
    }
    const auto found = read_all(**store);
    if (found) {
      expect_right(*found, expected, where);
      return false;
    }
    EXPECT_EQ(found.error().code, Code::unavailable) << where << found.error().message;
    return true;
  }

  Folder folder;
  const std::string path = folder.file("bad.db");
  Contents expected;
  std::string good;
};

TEST_F(SqliteDamageTest, AChangedByteGivesAnErrorOrTheRightData) {
  std::mt19937 random(20261123);
  // The first page rules over all others: all of its header, then a sample of everything. With
  // LINNET_EVERY_BYTE set, every byte of the file, one after the other (some minutes).
  std::vector<std::size_t> places;
  if (std::getenv("LINNET_EVERY_BYTE") != nullptr) {
    for (std::size_t place = 0; place < good.size(); ++place) places.push_back(place);
  } else {
    for (std::size_t place = 0; place < 100; ++place) places.push_back(place);
    for (int sample = 0; sample < 400; ++sample) places.push_back(random() % good.size());
  }
  int refused = 0;
  for (const std::size_t place : places) {
    std::string bytes = good;
    const char before = bytes[place];
    const char choices[] = {static_cast<char>(before ^ (1 << (random() % 8))), '\0', '\xff',
                            static_cast<char>(random())};
    bytes[place] = choices[random() % 4];
    if (bytes[place] == before) continue;
    refused += expect_right_or_refused(
        bytes, fmt::format("byte {}: {:#x} -> {:#x}; ", place, before & 0xff, bytes[place] & 0xff));
    if (HasFailure()) return;
  }
  RecordProperty("bytes", static_cast<int>(places.size()));
  RecordProperty("refused", refused);
  EXPECT_GT(refused, 50);
}

TEST_F(SqliteDamageTest, ABlockOfZerosGivesAnErrorOrTheRightData) {
  for (std::size_t place = 0; place < good.size(); place += 4096) {
    std::string bytes = good;
    bytes.replace(place, 512, 512, '\0');
    expect_right_or_refused(bytes, fmt::format("zeros at {}; ", place));
    if (HasFailure()) return;
  }
}

TEST_F(SqliteDamageTest, ATruncatedFileIsRefused) {
  for (std::size_t size :
       {std::size_t{1}, std::size_t{15}, std::size_t{16}, std::size_t{99}, std::size_t{100},
        std::size_t{4095}, std::size_t{4096}, good.size() / 2, good.size() - 4096, good.size() - 1})
    EXPECT_TRUE(expect_right_or_refused(good.substr(0, size), fmt::format("size {}; ", size)));
}

TEST_F(SqliteDamageTest, AForeignFileIsRefused) {
  EXPECT_TRUE(expect_right_or_refused("kind: Release\n", "yaml; "));
  EXPECT_TRUE(expect_right_or_refused(std::string(100'000, '\x7f'), "garbage; "));
}

TEST_F(SqliteDamageTest, AFlippedBitInAStatusIsFound) {
  std::string bytes = good;
  const std::size_t place = bytes.find(std::string(300, 'r'));
  ASSERT_NE(place, std::string::npos);
  bytes[place + 150] = 's';
  EXPECT_TRUE(expect_right_or_refused(bytes, "status; "));
}

TEST_F(SqliteDamageTest, ADamagedWriteAheadLogGivesAStateThatOnceWas) {
  const std::string live = folder.file("live.db");
  auto store = open_store(live);
  ASSERT_TRUE(store->put_release("shop", "a: 1"));
  for (std::int64_t n = 1; n <= 20; ++n) ASSERT_TRUE(now(store->save("shop", n - 1, turn(n))));
  const std::string database = bytes_of(live), log = bytes_of(live + "-wal");
  std::mt19937 random(7);
  for (int sample = 0; sample < 60; ++sample) {
    std::string bytes = log;
    bytes[random() % bytes.size()] ^= static_cast<char>(1 << (random() % 8));
    std::filesystem::remove(path + "-shm");
    write_bytes(path, database);
    write_bytes(path + "-wal", bytes);
    auto opened = SqliteStore::open(path);
    if (!opened) {
      EXPECT_EQ(opened.error().code, Code::unavailable) << opened.error().message;
      continue;
    }
    const auto record = now((*opened)->load("shop"));
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(record->status.notices, record->version);
    EXPECT_EQ((*opened)->journal("shop", 0, 1000)->size(),
              static_cast<std::size_t>(record->version));
  }
}

}  // namespace
}  // namespace linnet::local
