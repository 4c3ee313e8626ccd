// Small texts that other programs or an earlier life left: records of processes, NGINX's status
// page. A record that is accepted names a process that may be signalled, and comes back from its
// text.
#include "fuzz/fuzz.h"
#include "local/nginx_status.h"
#include "local/process_record.h"

using namespace linnet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto record = local::parse_record(text)) {
    CHECK(record->pid == 0 || record->pid > 1);
    CHECK(record->port > 0 && record->restarts >= 0 && record->early_deaths >= 0);
    CHECK(local::parse_record(local::record_text(*record)).value() == *record);
  }
  if (const auto status = local::parse_stub_status(text)) {
    CHECK(status->requests >= 0 && status->reading >= 0 && status->writing >= 0);
    (void)status->completed();  // an overflow is a crash here
  }
  return 0;
}
