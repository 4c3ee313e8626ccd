// The saved form in the store: whatever a disk made of it, it is refused or is a value that saves
// and loads again to itself.
#include "fuzz/fuzz.h"
#include "wire/json.h"

using namespace linnet;

namespace {

template <class Load, class Save>
void round_trip(std::string_view text, Load load, Save save) {
  const auto value = load(text);
  if (!value) {
    CHECK(value.error().code == Code::invalid && !value.error().message.empty());
    return;
  }
  const std::string saved = save(*value);
  const auto again = load(saved);
  CHECK(again.has_value());
  CHECK(save(*again) == saved);  // by text: NaN is unequal to itself
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const char kind = static_cast<char>(input.byte());
  const std::string_view text = input.rest();
  if (kind == 's') round_trip(text, wire::load_status, wire::save_status);
  if (kind == 'i') round_trip(text, wire::load_intent, wire::save_intent);
  if (kind == 'a') round_trip(text, wire::load_answer, wire::save_answer);
  if (kind == 'r') round_trip(text, wire::load_record, wire::save_record);
  return 0;
}
