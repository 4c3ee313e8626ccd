#include "spec/write.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "spec/fields.h"
#include "spec/read.h"

namespace linnet::spec {
namespace {

std::string text_of(std::initializer_list<const char*> tokens) {
  const auto parts = *rc::gen::container<std::vector<std::string>>(
      rc::gen::elementOf(std::vector<std::string>(tokens.begin(), tokens.end())));
  std::string out;
  for (const auto& part : parts) out += part;
  return out;
}

// Texts that a writer of YAML gets wrong.
std::string odd_text() {
  return text_of({"a",
                  " ",
                  "\"",
                  "'",
                  "\\",
                  ":",
                  "# ",
                  "- ",
                  "{",
                  "}",
                  "[",
                  "]",
                  ",",
                  "&",
                  "*",
                  "!",
                  "%",
                  "@",
                  "\n",
                  "\t",
                  "~",
                  "null",
                  "true",
                  "1",
                  "0x1",
                  ".",
                  "é",
                  "\xE2\x80\xA8",
                  "\xEF\xBB\xBF",
                  "😀",
                  "|",
                  ">"});
}

std::string name() { return "n" + text_of({"a", "1", "-x"}).substr(0, 40) + "z"; }
std::string line() {
  std::string text = odd_text();
  std::erase_if(text, [](char c) { return c == '\n' || c == '\t'; });
  return text;
}
Duration some_duration(int min_ms, int max_ms) {
  return Duration(*rc::gen::inRange(min_ms, max_ms + 1));
}
template <class Enum>
Enum some(std::initializer_list<Enum> values) {
  return *rc::gen::elementOf(std::vector<Enum>(values));
}
// A text with braces is a placeholder only when it is whole.
std::string argument() {
  std::string text = odd_text();
  for (std::size_t at; (at = text.find("{{")) != std::string::npos;) text.erase(at, 1);
  return text + some<std::string>({"", "{{version}}", "x{{port}}"});
}

core::ProcessWorkload some_process() {
  core::ProcessWorkload process;
  process.command = {"/bin/x" + argument(), "{{version}}", "{{port}}"};
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i) process.command.push_back(argument());
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i)
    process.env["V" + std::to_string(i)] = argument();
  process.directory = some<std::string>({"", "/var/lib/x"});
  process.replicas = *rc::gen::inRange(1, 101);
  process.first_port = some<std::uint16_t>({0, 1024, 65000});
  process.health = {"/h?a=1", some_duration(100, 600'000), *rc::gen::inRange(1, 101),
                    *rc::gen::inRange(1, 101), some_duration(100, 3'600'000)};
  process.stop = {some_duration(0, 3'600'000), some_duration(100, 3'600'000)};
  return process;
}

core::NginxTraffic some_nginx() {
  using core::Sticky;
  return {some<std::string>({"127.0.0.1:8080", "*:80", "[::1]:443", "localhost:1"}),
          some<Sticky>({{}, {Sticky::By::cookie, "sid_1"}, {Sticky::By::client_address, ""}}),
          some<std::string>({"", "/etc/nginx/x.conf"})};
}

void fill_cluster(core::Release& release) {
  release.workload =
      core::DeploymentsWorkload{name() + "-s",
                                name() + "-c",
                                name(),
                                "a/b:{{version}}",
                                *rc::gen::inRange(1, 1001),
                                static_cast<std::uint16_t>(*rc::gen::inRange(1, 65536)),
                                some<std::string>({"/health", "/h?a=1"}),
                                some<std::string>({"", "shop.example", "*.shop.example"})};
  core::RecipeTraffic traffic{"gateway-api", {}};
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
    auto& values = traffic.with["p" + std::to_string(i)];
    for (int k = *rc::gen::inRange(0, 4); k > 0; --k) values.push_back(line());
  }
  release.traffic = traffic;
  release.metrics =
      some<core::Metrics>({{"prometheus", "x", "http://p:9090/a?b=c", {}, {}, {}, {}},
                           {"scrape", "", "", {{"port", {"80"}}, {"l", {"a", "b"}}}, {}, {}, {}},
                           {"prometheus",
                            "",
                            "https://p",
                            {},
                            core::SigV4Auth{"eu-west-1", "aps", "env:A", "file:/s/k", ""},
                            {"X-Scope-OrgID: shop", "X-Key: env:KEY"},
                            {"/ca.pem", "", "", true}}});
  release.metrics.auth = some<core::MetricsAuth>(
      {{},
       core::BasicAuth{"anna", "env:PASSWORD"},
       core::BearerAuth{"file:/var/run/token"},
       core::OAuth2Auth{"https://id.example/token", "me", "env:SECRET", {"read", "metrics"}}});
}

core::Check some_check(int index) {
  core::Check check;
  check.name = "c" + std::to_string(index);
  if (*rc::gen::arbitrary<bool>()) check.min_requests = *rc::gen::inRange(0, 1000);
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      check.rule = core::ErrorRateCheck{Percent::from_ppm(*rc::gen::inRange(1, 1'000'000))};
      break;
    case 1:
      check.rule = core::LatencyCheck{Percent::from_ppm(*rc::gen::inRange(500'000, 999'901)),
                                      some_duration(1, 600'000)};
      break;
    case 2: {
      const bool limited = *rc::gen::arbitrary<bool>();
      check.rule =
          core::GaugeCheck{limited ? core::GaugeCheck::Of::memory : core::GaugeCheck::Of::cpu,
                           limited ? *rc::gen::inRange(1, 100'000) / 8.0 : 0.0,
                           !limited || *rc::gen::arbitrary<bool>()};
      break;
    }
    default: check.rule = core::HealthCheck{*rc::gen::inRange(0, 1001)};
  }
  return check;
}

void fill_lists(core::Release& release) {
  release.steps.clear();
  int tenth = 0;
  for (int i = *rc::gen::inRange(1, 6); i > 0; --i) {
    tenth += *rc::gen::inRange(1, 200);
    release.steps.push_back({Percent::from_ppm(tenth * 1000), some_duration(100, 604'800'000)});
  }
  for (int i = *rc::gen::inRange(1, 5); i > 0; --i) release.checks.push_back(some_check(i));
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i)
    release.windows.push_back({static_cast<std::uint8_t>(*rc::gen::inRange(1, 128)),
                               *rc::gen::inRange(0, 720), *rc::gen::inRange(721, 1440),
                               some<std::string>({"UTC", "Etc/GMT+5"})});
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i)
    release.freezes.push_back({"2026-12-20", "2027-01-03", line()});
  using Format = core::Webhook::Format;
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i)
    release.notify.push_back(
        {"https://x.example/y?z=1#f", some({Format::json, Format::slack}),
         some<std::vector<std::string>>({{}, {"failed"}, {"step", "waiting"}})});
}

core::Release some_release() {
  core::Release release;
  release.name = name();
  release.name_space = some<std::string>({"", "ns"});
  release.version = some<std::string>({"", "v1.0.0", "1.10", "true"});
  if (*rc::gen::arbitrary<bool>()) {
    release.workload = some_process();
    release.traffic = some_nginx();
  } else {
    fill_cluster(release);
  }
  fill_lists(release);
  if (std::holds_alternative<core::DeploymentsWorkload>(release.workload))
    for (core::Check& check : release.checks)  // gauges are of processes here
      if (std::holds_alternative<core::GaugeCheck>(check.rule)) check.rule = core::HealthCheck{};
  release.min_requests = *rc::gen::inRange(0, 1'000'000);
  release.no_data = {some_duration(100, 1'000'000), some({core::Then::rollback, core::Then::hold})};
  release.progress = some_duration(1000, 86'400'000);
  release.analysis.false_alarm = *rc::gen::inRange(1, 500'000) / 1e6;
  release.analysis.missed = *rc::gen::inRange(1, 500'000) / 1e6;
  release.analysis.early_fail = *rc::gen::arbitrary<bool>();
  release.analysis.early_pass = *rc::gen::arbitrary<bool>();
  release.analysis.decision =
      some({core::Analysis::Decision::plain, core::Analysis::Decision::evidence});
  using Compare = core::Analysis::Compare;
  release.analysis.compare = some({Compare::off, Compare::warn, Compare::rollback});
  release.analysis.tolerance = 1 + *rc::gen::inRange(0, 99'000) / 1e3;
  release.promotion = some({core::Promotion::ask, core::Promotion::automatic});
  release.on_failure = some({core::Then::rollback, core::Then::hold});
  release.turn = some_duration(100, 60'000);
  return release;
}

RC_GTEST_PROP(Write, WhatIsWrittenReadsBackTheSame, ()) {
  const core::Release release = some_release();
  const std::string yaml = to_yaml(release);
  const ReadSpecs read = read_specs(yaml, "t.yaml");
  for (const Mistake& mistake : read.mistakes) RC_FAIL(mistake.text() + "\n" + yaml);
  RC_ASSERT(read.releases == std::vector<core::Release>{release});
  RC_ASSERT(to_yaml(read.releases[0]) == yaml);
}

TEST(Write, DefaultsAreAllThere) {
  const ReadSpecs read = read_specs(
      "metadata: { name: shop }\nspec: { workload: { process: { command: [a, '{{version}}', "
      "'{{port}}'] } } }\n",
      "t");
  ASSERT_EQ(read.releases.size(), 1U);
  const std::string yaml = to_yaml(read.releases[0]);
  for (const Field& field : fields()) {
    const bool in_empty_list = field.path.starts_with("spec.windows[]") ||
                               field.path.starts_with("spec.freezes[]") ||
                               field.path.starts_with("spec.notify[]");
    if (in_empty_list || field.access.get(read.releases[0], 0).index() == 0) continue;
    EXPECT_NE(yaml.find(std::string(field.key()) + ":"), std::string::npos) << field.path;
  }
  EXPECT_NE(yaml.find("    - { weight: 5%, hold: 1m }\n"), std::string::npos) << yaml;
}

TEST(Write, QuotesWhatOtherReadersOfYamlWouldMisread) {
  for (const char* text : {"", "true", "No", "1.10", "0x1f", "2026-12-20", "09:00", "~", "a: b",
                           "a #b", "- a", " a", "a ", "{{version}}"})
    EXPECT_EQ(yaml_scalar(text), "\"" + std::string(text) + "\"");
  for (const char* text : {"shop", "v1.2.0", "/health", "api-gateway", "mon-fri"})
    EXPECT_EQ(yaml_scalar(text), text);
}

}  // namespace
}  // namespace linnet::spec
