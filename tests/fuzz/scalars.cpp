// Durations, percentages, times of day and what else is read from one word, of specs, command lines
// and the API's paths: what is accepted is in range and comes back from its own text.
#include "fuzz/fuzz.h"
#include "net/http.h"
#include "spec/formats.h"
#include "wire/json.h"

using namespace linnet;

namespace {

void of_base(std::string_view text) {
  if (const auto percent = Percent::parse(text)) {
    CHECK(percent->ppm() >= 0 && percent->ppm() <= 1'000'000);
    CHECK(Percent::parse(percent->text()).value() == *percent);
  }
  if (const auto duration = parse_duration(text)) {
    CHECK(duration->count() >= 0);
    CHECK(parse_duration(duration_text(*duration)).value() == *duration);
  }
  if (const auto time = wire::parse_wall_time(text))
    CHECK(wire::parse_wall_time(time->text()).value() == *time);
  constexpr std::string_view known[] = {"spec", "steps", "weight"};
  const std::string_view near = nearest_word(text, known);
  CHECK(near.empty() || std::find(std::begin(known), std::end(known), near) != std::end(known));
}

void of_spec(std::string_view text) {
  if (const auto minute = spec::parse_clock(text)) {
    CHECK(*minute >= 0 && *minute <= 24 * 60);
    CHECK(spec::parse_clock(spec::clock_text(*minute)) == minute);
  }
  if (const auto days = spec::parse_days(text)) {
    CHECK(*days > 0 && *days < 128);
    CHECK(spec::parse_days(spec::days_text(*days)) == days);
  }
  (void)spec::parse_date(text);
  if (const auto listen = spec::parse_listen(text)) CHECK(spec::parse_listen(*listen) == listen);
  if (const auto mib = spec::parse_mib(text)) {
    CHECK(*mib > 0 && *mib <= 1024.0 * 1024 * 1024);
    CHECK(spec::parse_mib(spec::mib_text(*mib)) == mib);
  }
  CHECK(fuzz::is_printable(spec::shown(text)));
  (void)spec::is_env_name(text);
  for (const bool port_too : {false, true}) {
    const auto problem = spec::placeholder_problem(text, port_too);
    CHECK(!problem || !problem->empty());
  }
  using spec::Format;
  for (const Format* format :
       {&spec::any_text,       &spec::argument,    &spec::version_text, &spec::name_text,
        &spec::namespace_text, &spec::check_name,  &spec::object_name,  &spec::image_text,
        &spec::listen_address, &spec::url_path,    &spec::web_url,      &spec::absolute_path,
        &spec::include_path,   &spec::sticky_rule, &spec::recipe_name,  &spec::parameter,
        &spec::clock_time,     &spec::day_set,     &spec::date_text,    &spec::zone_name,
        &spec::memory_size}) {
    const auto problem = format->problem(text);
    // What may enter a configuration file or a command line has no control character. The reader
    // has made sure of UTF-8 before.
    if (!problem && spec::is_utf8(text)) CHECK(!spec::has_control(text, true));
  }
}

void of_http(std::string_view text) {
  if (const auto target = net::parse_target(text)) {
    CHECK(target->segments.size() <= 16 && target->query.size() <= 16);
    std::string again;
    for (const std::string& segment : target->segments) {
      CHECK(!segment.empty() && segment != "." && segment != "..");
      CHECK(segment.find('/') == std::string::npos && segment.find('\0') == std::string::npos);
      again += "/" + net::percent_encode(segment);
    }
    if (again.empty()) again = "/";
    for (std::size_t i = 0; i < target->query.size(); ++i)
      again +=
          fmt::format("{}{}={}", i == 0 ? "?" : "&", net::percent_encode(target->query[i].first),
                      net::percent_encode(target->query[i].second));
    const auto twice = net::parse_target(again);
    CHECK(twice && twice->segments == target->segments && twice->query == target->query);
  }
  const std::string shown = net::loggable_url(text);
  CHECK(fuzz::is_printable(shown) && shown.find('@') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  of_base(text);
  of_spec(text);
  of_http(text);
  return 0;
}
