// What is known on disk about one instance: enough for the next run of linnet to find its process
// again and be sure that it is that one. A process exists only after its record does.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "core/observation.h"
#include "local/small_file.h"

namespace linnet::local {

struct ProcessRecord {
  std::string id;  // "stable-0"
  std::string version;
  std::uint16_t port = 0;
  pid_t pid = 0;                  // 0: it has died and waits to be started again
  std::uint64_t start_ticks = 0;  // /proc/PID/stat field 22: with pid and boot it names one process
  std::string boot;               // /proc/sys/kernel/random/boot_id
  WallTime started;
  bool ready = false;
  bool stopping = false;
  int restarts = 0;
  int early_deaths = 0;  // in a row
  std::string trouble;   // why it died last

  friend bool operator==(const ProcessRecord&, const ProcessRecord&) = default;
};

std::string record_text(const ProcessRecord& record);
/// Code::invalid says what is wrong with the text; every field must be there and in range.
Result<ProcessRecord> parse_record(const std::string& text);

Result<void> write_record(const std::string& path, const ProcessRecord& record, Sync sync);
/// Codes as read_small_file and parse_record.
Result<ProcessRecord> read_record(const std::string& path);

}  // namespace linnet::local
