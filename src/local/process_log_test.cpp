#include "local/process_log.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "local/process_testing.h"

namespace linnet::local {
namespace {

using testing::Directory;
using testing::read_text;
using testing::write_text;

TEST(ProcessLog, RotatesBySizeAndKeepsThree) {
  const Directory directory;
  const std::string log = directory.file("a.log");
  for (const char c : std::string("abcde")) {
    const Descriptor writer = open_log(log).value();
    const std::string text(200, c);
    ASSERT_EQ(::write(writer.get(), text.data(), text.size()), 200);
    EXPECT_TRUE(rotate_log(log, 100, 3));
    EXPECT_FALSE(rotate_log(log, 100, 3)) << "it starts anew";
  }
  EXPECT_EQ(read_text(log), "");
  EXPECT_EQ(read_text(log + ".1"), std::string(100, 'e')) << "its last bytes, up to the limit";
  EXPECT_EQ(read_text(log + ".2"), std::string(100, 'd'));
  EXPECT_EQ(read_text(log + ".3"), std::string(100, 'c'));
  EXPECT_FALSE(std::filesystem::exists(log + ".4"));
}

TEST(ProcessLog, GoesOnAtTheBeginningAfterARotation) {
  const Directory directory;
  const std::string log = directory.file("a.log");
  const Descriptor service = open_log(log).value();  // held open over the rotation
  ASSERT_EQ(::write(service.get(), "0123456789ab", 12), 12);
  ASSERT_TRUE(rotate_log(log, 10, 3));
  ASSERT_EQ(::write(service.get(), "later", 5), 5);
  EXPECT_EQ(read_text(log), "later");
  EXPECT_EQ(read_text(log + ".1"), "23456789ab");
}

TEST(ProcessLog, StaysBoundedWhenNothingCanBeCopied) {
  const Directory directory;
  const std::string log = directory.file("a.log");
  write_text(log, std::string(1000, 'x'));
  std::filesystem::create_directory(log + ".new");  // as a full disk: no copy can be made
  EXPECT_TRUE(rotate_log(log, 10, 3));
  EXPECT_EQ(log_size(log), 0);
}

TEST(ProcessLog, TellsTheLastLinesOfThisLife) {
  const Directory directory;
  const std::string log = directory.file("a.log");
  write_text(log, "old\none\ntwo\n\nthree\r\nfour");
  EXPECT_EQ(last_log_lines(log, 4), "two | three | four");
  EXPECT_EQ(last_log_lines(log, 4, 10), "one | two | three | four");
  EXPECT_EQ(last_log_lines(log, 1000, 1), "four") << "rotated since: from the beginning";
  EXPECT_EQ(last_log_lines(directory.file("none"), 0), "");
}

TEST(ProcessLog, TellsNothingThatSpoilsATerminalOrJson) {
  EXPECT_EQ(printable("a\tb\x1b[31m\xff\xc3\xa4\xed\xa0\x80"), "a b?[31m?\xc3\xa4???");
  const Directory directory;
  const std::string log = directory.file("a.log");
  write_text(log, std::string(9000, 'x'));
  EXPECT_EQ(last_log_lines(log, 0).size(), 400U);
}

RC_GTEST_PROP(ProcessLog, PrintableTextIsPrintableAndStays, (const std::string& text)) {
  const std::string once = printable(text);
  RC_ASSERT(printable(once) == once);
  RC_ASSERT(std::none_of(once.begin(), once.end(),
                         [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }));
}

}  // namespace
}  // namespace linnet::local
