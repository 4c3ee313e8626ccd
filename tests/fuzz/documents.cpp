// JSON from outside: the body of an intent, and the API's documents as a client reads them back.
#include <boost/json.hpp>

#include "fuzz/fuzz.h"
#include "wire/json.h"

using namespace linnet;

namespace {

void check_intent(std::string_view text) {
  const auto intent = wire::read_intent(text);
  if (!intent) {
    CHECK(intent.error().code == Code::invalid);
    return;
  }
  CHECK(intent->id == 0 && intent->weight.is_tenth_step());
  CHECK(intent->weight >= Percent() && intent->weight <= Percent::whole(100));
  CHECK(fuzz::is_printable(intent->by) && fuzz::is_printable(intent->why));
  CHECK(fuzz::is_printable(intent->version));
  CHECK(wire::read_intent(wire::intent_body(*intent)).value() == *intent);
  CHECK(wire::load_intent(wire::save_intent(*intent)).value() == *intent);
}

// Boost.JSON 1.81 may lose the last bit of a double, strings may lose bytes that are no UTF-8.
bool alike(const boost::json::value& a, const boost::json::value& b) {
  if (a.is_number() || a.is_null()) return a.is_number() == b.is_number() || !b.is_structured();
  if (a.is_array())
    return b.is_array() && std::equal(a.get_array().begin(), a.get_array().end(),
                                      b.get_array().begin(), b.get_array().end(), alike);
  if (a.is_object()) return b.is_object() && a.get_object().size() == b.get_object().size();
  return a.kind() == b.kind();
}

void check_documents(std::string_view text) {
  const auto json = wire::parse(text, 1 << 16);
  if (!json) return;
  const auto again = wire::parse(wire::text(*json), 1 << 20);
  CHECK(again.has_value() && alike(*json, *again));
  if (const auto answer = wire::read_answer(*json); answer && *answer)
    CHECK(wire::read_answer(wire::answer_document((*answer)->intent, *answer)).value() == *answer);
  if (const auto line = wire::read_line(*json))
    CHECK(wire::read_line(wire::line_document(*line)).value() == *line);
  if (const auto record = wire::read_history(*json)) {
    // By text: a check's numbers may be NaN, which is null on the wire.
    const std::string once = wire::text(wire::history_document(*record));
    const auto twice = wire::read_history(wire::parse(once, 1 << 24).value());
    CHECK(twice.has_value() && wire::text(wire::history_document(*twice)) == once);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_intent(text);
  check_documents(text);
  return 0;
}
