// The daemon's journal against the contract of every journal, and what it does besides noting.
#include "daemon/store_journal.h"

#include <boost/asio/io_context.hpp>

#include "contract/journal_contract.h"
#include "local/sqlite_test_support.h"
#include "runtime/clock.h"

namespace linnet::daemon {
namespace {

class StoreJournalUnderTest final : public contract::JournalUnderTest {
 public:
  StoreJournalUnderTest() {
    EXPECT_TRUE(log_.open(folder_.file("log")));
    EXPECT_TRUE(store_->put_release("shop", "a: 1"));
    EXPECT_TRUE(store_->put_release("api", "b: 2"));
  }
  Journal& journal() override { return journal_; }
  Store& store() override { return *store_; }
  std::vector<core::Entry> entries(const std::string& release) override {
    std::vector<core::Entry> found;
    const auto lines = store_->journal(release, 0, 1000).value();
    for (const wire::JournalLine& line : lines) found.push_back(line.entry);
    return found;
  }
  [[nodiscard]] std::string logged() const { return local::bytes_of(folder_.file("log")); }
  [[nodiscard]] bool has_logged(const std::string& text) const {
    return logged().find(text) != std::string::npos;
  }
  void move_store_away() { std::filesystem::rename(folder_.file(), folder_.file("elsewhere")); }

  api::Changes changes{context.get_executor()};

 private:
  local::Folder folder_;
  std::unique_ptr<local::SqliteStore> store_ = local::open_store(folder_.file());
  runtime::SystemClock clock_;
  runtime::Log log_{clock_, runtime::Log::Level::info};
  StoreJournal journal_{*store_, clock_, log_, changes};
};

TEST(StoreJournal, ANoteIsLoggedAndWhoFollowsTheReleaseIsWoken) {
  StoreJournalUnderTest world;
  world.journal().note("shop", {"trouble", "no answer"});
  world.journal().note("shop", {"weight", "canary weight is 5 %"});
  EXPECT_TRUE(world.has_logged("warning shop: no answer\n")) << world.logged();
  EXPECT_TRUE(world.has_logged("info shop: weight: canary weight is 5 %\n")) << world.logged();
  EXPECT_EQ(world.changes.count("shop"), 2U);
  EXPECT_EQ(world.changes.count("api"), 0U);
}

TEST(StoreJournal, ANoteThatCannotBeKeptIsInTheLogWithTheReason) {
  StoreJournalUnderTest world;
  world.move_store_away();
  world.journal().note("shop", {"trouble", "no answer"});
  EXPECT_TRUE(world.has_logged("shop: no answer\n")) << world.logged();
  EXPECT_TRUE(world.has_logged("shop: the journal cannot be written: ")) << world.logged();
}

}  // namespace
}  // namespace linnet::daemon

namespace linnet::contract {
INSTANTIATE_TEST_SUITE_P(Daemon, JournalContract, testing::Values([] {
                           return std::make_unique<daemon::StoreJournalUnderTest>();
                         }));
}  // namespace linnet::contract
