#include "local/weight_switch.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

namespace linnet::local {
namespace {

namespace fs = std::filesystem;

class WeightSwitchTest : public testing::Test {
 protected:
  WeightSwitchTest() {
    std::string pattern = (fs::temp_directory_path() / "linnet-switch-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    weight_.emplace(root_ + "/shop");
  }
  ~WeightSwitchTest() override { fs::remove_all(root_); }
  int buckets() const {
    int found = 0;
    for (int i = 0; i < switch_buckets; ++i)
      found += fs::is_regular_file(fmt::format("{}/shop/cur/{}", root_, i)) ? 1 : 0;
    return found;
  }
  std::string root_;
  std::optional<WeightSwitch> weight_;
};

TEST_F(WeightSwitchTest, IsNotFoundBeforeItIsPreparedAndZeroAfter) {
  EXPECT_EQ(weight_->read().error().code, Code::not_found);
  ASSERT_TRUE(weight_->prepare());
  EXPECT_EQ(*weight_->read(), SwitchState{});
  ASSERT_TRUE(weight_->set(Percent::whole(5), false));
  ASSERT_TRUE(weight_->prepare()) << "preparing again keeps the weight";
  EXPECT_EQ(weight_->read()->weight, Percent::whole(5));
}

TEST_F(WeightSwitchTest, HoldsExactlyTheBucketsOfItsWeight) {
  ASSERT_TRUE(weight_->prepare());
  for (const int ppm : {1000, 50'000, 250'000, 1'000'000, 333'000, 0}) {
    ASSERT_TRUE(weight_->set(Percent::from_ppm(ppm), false));
    EXPECT_EQ(buckets(), ppm / 1000);
    EXPECT_EQ(weight_->read()->weight, Percent::from_ppm(ppm));
  }
}

TEST_F(WeightSwitchTest, RefusesWhatIsNoTenthOfAPercent) {
  ASSERT_TRUE(weight_->prepare());
  for (const int ppm : {-1000, 1, 55'500, 1'001'000})
    EXPECT_EQ(weight_->set(Percent::from_ppm(ppm), false).error().code, Code::invalid);
}

TEST_F(WeightSwitchTest, TellsARollbackFromAnOrdinaryZeroAndNamesTheGuardian) {
  ASSERT_TRUE(weight_->prepare());
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(weight_->set(Percent::whole(50), false));
    ASSERT_TRUE(weight_->set(Percent(), true));
    EXPECT_EQ(*weight_->read(), (SwitchState{Percent(), true, ""}));
    EXPECT_EQ(buckets(), 0);
  }
  ASSERT_TRUE(weight_->set(Percent::whole(50), false));
  ASSERT_TRUE(weight_->take_back_as_guardian());
  EXPECT_EQ(*weight_->read(), (SwitchState{Percent(), true, "guardian"}));
  ASSERT_TRUE(weight_->set(Percent(), false));
  EXPECT_EQ(*weight_->read(), SwitchState{});
}

TEST_F(WeightSwitchTest, MakesAHalfBuiltDirectoryWhole) {
  ASSERT_TRUE(weight_->prepare());
  fs::create_directory(root_ + "/shop/w20");
  for (const int bucket : {0, 1, 7}) std::ofstream(fmt::format("{}/shop/w20/{}", root_, bucket));
  ASSERT_TRUE(weight_->set(Percent::whole(2), false));
  EXPECT_EQ(buckets(), 20);
}

TEST_F(WeightSwitchTest, SeesWhatSomeoneElseDidWithIt) {
  ASSERT_TRUE(weight_->prepare());
  fs::create_directory(root_ + "/shop/mine");
  for (int i = 0; i < 30; ++i) std::ofstream(fmt::format("{}/shop/mine/{}", root_, i));
  fs::remove(root_ + "/shop/cur");
  fs::create_symlink("mine", root_ + "/shop/cur");
  EXPECT_EQ(weight_->read()->weight, Percent::whole(3));
  EXPECT_NE(weight_->read()->by.find("mine"), std::string::npos);
  fs::remove(root_ + "/shop/cur");
  fs::create_symlink("w500", root_ + "/shop/cur");
  EXPECT_EQ(weight_->read()->weight, Percent()) << "a directory that is missing means stable";
  EXPECT_FALSE(weight_->read()->by.empty());
}

TEST_F(WeightSwitchTest, TakesTrafficBackEvenWhenADirectoryOrAFileStandsInTheWay) {
  ASSERT_TRUE(weight_->prepare());
  fs::remove(root_ + "/shop/cur");
  fs::create_directory(root_ + "/shop/cur");
  std::ofstream(root_ + "/shop/cur/5");
  EXPECT_EQ(weight_->read()->weight, Percent::from_ppm(1000));
  ASSERT_TRUE(weight_->set(Percent(), true));
  EXPECT_EQ(buckets(), 0);
  fs::remove(root_ + "/shop/cur");
  std::ofstream(root_ + "/shop/cur") << "x";
  EXPECT_EQ(weight_->read().error().code, Code::conflict);
  ASSERT_TRUE(weight_->set(Percent(), true));
  EXPECT_TRUE(weight_->read()->taken_back);
}

TEST_F(WeightSwitchTest, GivesOldWeightsBackToTheDiskButNeverTheOneInUse) {
  ASSERT_TRUE(weight_->prepare());
  for (int tenths = 1; tenths <= 60; ++tenths) {
    ASSERT_TRUE(weight_->set(Percent::from_ppm(tenths * 1000), false));
    // As if it had last been used long ago.
    const auto path = fmt::format("{}/shop/w{}", root_, tenths);
    fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(1));
    EXPECT_EQ(buckets(), tenths);
  }
  EXPECT_LE(std::distance(fs::directory_iterator(root_ + "/shop"), fs::directory_iterator()), 26);
}

TEST_F(WeightSwitchTest, NeverShowsAWeightThatWasNotAskedFor) {
  ASSERT_TRUE(weight_->prepare());
  ASSERT_TRUE(weight_->set(Percent::whole(60), false));
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::atomic<int> looks = 0;
  // Bucket 100 belongs to every weight used here, bucket 700 to none.
  std::thread looker([&] {
    const auto in = root_ + "/shop/cur/100";
    const auto out = root_ + "/shop/cur/700";
    while (!stop) {
      struct stat seen {};
      wrong += ::stat(in.c_str(), &seen) != 0;
      wrong += ::stat(out.c_str(), &seen) == 0;
      ++looks;
    }
  });
  for (int i = 0; i < 400 || looks < 1000; ++i)
    ASSERT_TRUE(weight_->set(Percent::from_ppm((200 + i % 40 * 10) * 1000), false));
  stop = true;
  looker.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(WeightSwitchTest, NamesThePathElementThatNginxCannotSearch) {
  ASSERT_TRUE(weight_->prepare());
  const WorkerUser worker{"www-data", 33, {33}};
  ::chmod(root_.c_str(), 0700);
  const auto denied = check_searchable(weight_->directory(), worker);
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, Code::denied);
  EXPECT_NE(denied.error().message.find("chmod o+x " + root_), std::string::npos)
      << denied.error().message;
  ::chmod(root_.c_str(), 0711);
  EXPECT_TRUE(check_searchable(weight_->directory(), worker));
}

}  // namespace
}  // namespace linnet::local
