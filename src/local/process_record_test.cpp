#include "local/process_record.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "local/process_testing.h"

namespace linnet::local {
namespace {

ProcessRecord a_record() {
  ProcessRecord record;
  record.id = "stable-0";
  record.version = "v1.0.0";
  record.port = 20'001;
  record.pid = 4711;
  record.start_ticks = 123'456'789'012;
  record.boot = "1b2c";
  record.started = WallTime{1'700'000'000'000};
  record.ready = true;
  record.restarts = 2;
  record.early_deaths = 1;
  record.trouble = "exited with \"status\" 1\\";
  return record;
}

TEST(ProcessRecord, ComesBackFromItsText) {
  EXPECT_EQ(parse_record(record_text(a_record())).value(), a_record());
}

TEST(ProcessRecord, ComesBackFromTheDisk) {
  const testing::Directory directory;
  const std::string path = directory.file("r.json");
  ASSERT_TRUE(write_record(path, a_record(), Sync::full));
  EXPECT_EQ(read_record(path).value(), a_record());
  EXPECT_EQ(read_record(directory.file("none.json")).error().code, Code::not_found);
}

TEST(ProcessRecord, RefusesWhatWouldSignalEverybody) {
  for (const pid_t pid : {-1, 1, -4711}) {
    ProcessRecord record = a_record();
    record.pid = pid;
    EXPECT_EQ(parse_record(record_text(record)).error().code, Code::invalid) << pid;
  }
}

TEST(ProcessRecord, SaysWhatIsDamaged) {
  EXPECT_EQ(parse_record("").error().message, "it is no JSON object");
  EXPECT_EQ(parse_record("{}").error().message, "it has no 'id'");
  std::string text = record_text(a_record());
  text.replace(text.find("20001"), 5, "70000");
  EXPECT_EQ(parse_record(text).error().message, "'port' is out of range");
  text = record_text(a_record());
  text.replace(text.find("v1.0.0"), 6, "../../");
  EXPECT_EQ(parse_record(text).error().code, Code::invalid);
}

// A torn or flipped record is refused or still a record; it never crashes.
RC_GTEST_PROP(ProcessRecord, SurvivesAnyDamage, ()) {
  std::string text = record_text(a_record());
  const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
  if (*rc::gen::arbitrary<bool>())
    text.resize(at);
  else
    text[at] = *rc::gen::arbitrary<char>();
  const Result<ProcessRecord> record = parse_record(text);
  if (record) RC_ASSERT(record->pid == 0 || record->pid > 1);
}

}  // namespace
}  // namespace linnet::local
