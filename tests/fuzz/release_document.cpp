// What a ConfigMap says of a release, a part for each key. What is accepted comes back from what is
// written of it, and is written the same a second time.
#include "kubernetes/release_document.h"

#include <boost/json.hpp>

#include "fuzz/fuzz.h"

using namespace linnet;
using kubernetes::Json;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  boost::json::object keys;
  for (const char* key :
       {"linnet", "status", "spec", "intents", "answers", "journal", "history", "another"})
    if (const std::string_view text = input.part(); !text.empty())
      keys[key] = boost::json::string(text);
  Json map = boost::json::object{{"kind", "ConfigMap"},
                                 {"metadata", {{"name", "linnet-web"}, {"namespace", "shop"}}},
                                 {"data", keys}};
  auto document = kubernetes::read_document(map, "web");
  if (!document) {
    CHECK(document.error().code == Code::invalid);
    CHECK(document.error().message.find("ConfigMap shop/linnet-web: ") == 0);
    return 0;
  }
  const auto written = kubernetes::write_document(*document, map, "shop");
  if (!written) {
    CHECK(written.error().code == Code::invalid);
    return 0;
  }
  auto again = kubernetes::read_document(*written, "web");
  CHECK(again.has_value());
  CHECK(kubernetes::write_document(*again, *written, "shop").value() == *written);
  return 0;
}
