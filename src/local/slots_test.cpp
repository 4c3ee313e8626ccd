#include "local/slots.h"

#include <gtest/gtest.h>

#include <set>

#include "local/process_testing.h"

namespace linnet::local {
namespace {

using testing::Directory;
using testing::Stranger;

core::ProcessWorkload spec_of(int replicas, std::uint16_t first_port = 0) {
  core::ProcessWorkload spec;
  spec.replicas = replicas;
  spec.first_port = first_port;
  return spec;
}

TEST(Slots, HasASpareForStableAndEnoughForAFullCanary) {
  const Directory directory;
  const ChosenSlots chosen = choose_slots(directory.path(), spec_of(3)).value();
  EXPECT_EQ(chosen.slots.stable.size(), 4U);
  EXPECT_EQ(chosen.slots.canary.size(), 3U);
  EXPECT_FALSE(chosen.grown);
  std::set<std::uint16_t> all(chosen.slots.stable.begin(), chosen.slots.stable.end());
  all.insert(chosen.slots.canary.begin(), chosen.slots.canary.end());
  EXPECT_EQ(all.size(), 7U) << "a port belongs to one slot";
}

TEST(Slots, AreKeptWhateverTheSpecSaysLater) {
  const Directory directory;
  const Slots first = choose_slots(directory.path(), spec_of(3)).value().slots;
  const std::string text = testing::read_text(directory.file("slots.json"));
  EXPECT_EQ(choose_slots(directory.path(), spec_of(3)).value().slots, first);
  EXPECT_EQ(choose_slots(directory.path(), spec_of(1)).value().slots, first);
  EXPECT_EQ(testing::read_text(directory.file("slots.json")), text);
}

TEST(Slots, GrowAtTheirEndAndSayThatNginxNeedsAReload) {
  const Directory directory;
  const Slots first = choose_slots(directory.path(), spec_of(1)).value().slots;
  const ChosenSlots more = choose_slots(directory.path(), spec_of(4)).value();
  EXPECT_TRUE(more.grown);
  ASSERT_EQ(more.slots.stable.size(), 5U);
  ASSERT_EQ(more.slots.canary.size(), 4U);
  EXPECT_TRUE(std::equal(first.stable.begin(), first.stable.end(), more.slots.stable.begin()));
  EXPECT_EQ(first.canary[0], more.slots.canary[0]);
  EXPECT_FALSE(choose_slots(directory.path(), spec_of(4)).value().grown);
}

TEST(Slots, CountUpFromTheFirstPort) {
  const Directory directory;
  const Slots slots = choose_slots(directory.path(), spec_of(2, 9100)).value().slots;
  EXPECT_EQ(slots, (Slots{{9100, 9101, 9102}, {9103, 9104}}));
  const Slots more = choose_slots(directory.path(), spec_of(3, 9100)).value().slots;
  EXPECT_EQ(more, (Slots{{9100, 9101, 9102, 9105}, {9103, 9104, 9106}}));
}

TEST(Slots, SayWhenALaterFirstPortIsNotUsed) {
  const Directory directory;
  ASSERT_TRUE(choose_slots(directory.path(), spec_of(1, 9100)));
  const ChosenSlots again = choose_slots(directory.path(), spec_of(1, 9200)).value();
  EXPECT_EQ(again.slots.stable[0], 9100);
  EXPECT_NE(again.note.find("first_port 9200 is not used"), std::string::npos) << again.note;
}

TEST(Slots, RefuseAFirstPortWithoutRoom) {
  const Directory directory;
  const auto chosen = choose_slots(directory.path(), spec_of(2, 65'533));
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().code, Code::invalid);
  EXPECT_NE(chosen.error().message.find("first_port 65533"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(directory.file("slots.json")));
}

TEST(Slots, AvoidThoseOfOtherReleasesEvenWhenNothingListensThere) {
  const Directory directory;
  const std::string other = directory.path() + "/../web";
  std::filesystem::create_directory(other);
  ASSERT_TRUE(choose_slots(other, spec_of(2, 9300)));
  const auto chosen = choose_slots(directory.path(), spec_of(1, 9302));
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().code, Code::conflict);
  EXPECT_NE(chosen.error().message.find("release 'web'"), std::string::npos);
}

TEST(Slots, OfTwoReleasesNeverOverlap) {
  const Directory directory;
  std::set<std::uint16_t> all;
  for (int i = 0; i < 20; ++i) {
    const std::string release = fmt::format("{}/../r{}", directory.path(), i);
    std::filesystem::create_directory(release);
    const Slots slots = choose_slots(release, spec_of(8)).value().slots;
    all.insert(slots.stable.begin(), slots.stable.end());
    all.insert(slots.canary.begin(), slots.canary.end());
  }
  EXPECT_EQ(all.size(), 20U * 17U);
}

TEST(Slots, DamagedOnDiskAreAClearErrorAndNeverReplaced) {
  for (const char* text :
       {"", "{", "[]", R"({"stable":[1],"canary":"x"})", R"({"stable":[70000],"canary":[]})",
        R"({"stable":[80,80],"canary":[]})"}) {
    const Directory directory;
    testing::write_text(directory.file("slots.json"), text);
    const auto chosen = choose_slots(directory.path(), spec_of(2));
    ASSERT_FALSE(chosen) << text;
    EXPECT_EQ(chosen.error().code, Code::invalid);
    EXPECT_NE(chosen.error().message.find("slots.json is damaged"), std::string::npos);
    EXPECT_EQ(testing::read_text(directory.file("slots.json")), text);
  }
}

TEST(Slots, KnowAPortThatIsTaken) {
  const Directory directory;
  const std::uint16_t port = choose_slots(directory.path(), spec_of(1)).value().slots.stable[0];
  EXPECT_TRUE(port_is_free(port));
  const Stranger stranger(port);
  EXPECT_FALSE(port_is_free(port));
  EXPECT_NE(listener_on(port).find(fmt::format("(pid {})", ::getpid())), std::string::npos);
}

}  // namespace
}  // namespace linnet::local
