// What the engine may rely on of every Journal. Each adapter's test includes this once and
// instantiates JournalContract.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "contract/run_task.h"
#include "ports/ports.h"

namespace linnet::contract {

/// An empty journal, and the store beside it. Releases "shop" and "api" exist.
class JournalUnderTest {
 public:
  virtual ~JournalUnderTest() = default;
  virtual Journal& journal() = 0;
  virtual Store& store() = 0;
  /// What a person reads, oldest first: kind and text.
  virtual std::vector<core::Entry> entries(const std::string& release) = 0;

  boost::asio::io_context context;
};

using MakeJournal = std::function<std::unique_ptr<JournalUnderTest>()>;

class JournalContract : public testing::TestWithParam<MakeJournal> {
 protected:
  void note(const std::string& release, const std::string& text) {
    under_test->journal().note(release, {"trouble", text});
  }
  std::vector<std::string> texts(const std::string& release) {
    std::vector<std::string> found;
    for (const core::Entry& entry : under_test->entries(release))
      found.push_back(entry.kind + ": " + entry.text);
    return found;
  }
  Result<std::int64_t> save(std::int64_t version, std::vector<core::Entry> entries = {}) {
    Saving saving;
    saving.entries = std::move(entries);
    saving.at = WallTime{1'700'000'000'000};
    return run(under_test->context, under_test->store().save("shop", version, std::move(saving)));
  }

  std::unique_ptr<JournalUnderTest> under_test = GetParam()();
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(JournalContract);

TEST_P(JournalContract, KeepsNotesInTheirOrderWordForWord) {
  note("shop", "loading the status: ß \"€\"");
  note("shop", "again");
  EXPECT_EQ(texts("shop"),
            (std::vector<std::string>{"trouble: loading the status: ß \"€\"", "trouble: again"}));
}

TEST_P(JournalContract, NotesAndTheEntriesOfSavesStandInOneOrder) {
  note("shop", "before");
  const auto version = save(0, {{"phase", "waits for instances"}});
  ASSERT_TRUE(version) << version.error().message;
  note("shop", "after");
  EXPECT_EQ(texts("shop"), (std::vector<std::string>{
                               "trouble: before", "phase: waits for instances", "trouble: after"}));
}

// A loop that could not perform an effect says so; its next save must not conflict with itself.
TEST_P(JournalContract, ANoteLeavesTheVersionOfTheRecordAlone) {
  const auto version = save(0);
  ASSERT_TRUE(version) << version.error().message;
  note("shop", "no answer");
  const auto again = save(*version);
  EXPECT_TRUE(again) << again.error().message;
}

TEST_P(JournalContract, ReleasesHaveJournalsOfTheirOwn) {
  note("shop", "of shop");
  EXPECT_TRUE(texts("api").empty());
}

}  // namespace linnet::contract
