// The spec's YAML: whatever the text, mistakes are bounded and printable, and what is accepted
// comes back from what the writer makes of it.
#include "fuzz/fuzz.h"
#include "spec/read.h"
#include "spec/write.h"

using namespace linnet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const spec::ReadSpecs read = spec::read_specs(text, "fuzz.yaml");
  CHECK(read.mistakes.size() <= spec::max_mistakes);
  CHECK(!read.mistakes.empty() || !read.releases.empty());
  for (const spec::Mistake& mistake : read.mistakes) {
    CHECK(!mistake.message.empty());
    CHECK(mistake.line >= 0 && mistake.column >= 0);
    CHECK(fuzz::is_printable(mistake.text()));
  }
  if (!read.mistakes.empty()) return 0;
  std::string all;
  for (const core::Release& release : read.releases) {
    const std::string written = spec::to_yaml(release);
    const spec::ReadSpecs again = spec::read_specs(written, "written.yaml");
    CHECK(again.mistakes.empty());
    CHECK(again.releases.size() == 1 && again.releases.front() == release);
    CHECK(spec::to_yaml(again.releases.front()) == written);
  }
  return 0;
}
