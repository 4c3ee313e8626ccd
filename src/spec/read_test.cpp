#include "spec/read.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "spec/write.h"

namespace linnet::spec {
namespace {

// Line 1 is metadata; `extra` begins on line 5 and is indented as a key of spec.
std::string spec_with(const std::string& extra) {
  return "metadata: { name: shop }\n"
         "spec:\n"
         "  workload:\n"
         "    process: { command: [/bin/shop, \"{{version}}\", \"{{port}}\"] }\n" +
         extra;
}

core::Release release_of(const std::string& yaml) {
  const ReadSpecs read = read_specs(yaml, "t.yaml");
  for (const Mistake& mistake : read.mistakes) ADD_FAILURE() << mistake.text();
  return read.releases.empty() ? core::Release() : read.releases[0];
}

std::vector<std::string> mistakes_of(const std::string& yaml) {
  std::vector<std::string> texts;
  for (const Mistake& mistake : read_specs(yaml, "t.yaml").mistakes)
    texts.push_back(mistake.text());
  return texts;
}

// The only mistake of a spec with this in it.
std::string mistake_in(const std::string& extra) {
  const auto texts = mistakes_of(spec_with(extra));
  if (texts.size() != 1) {
    for (const auto& text : texts) ADD_FAILURE() << text;
    return fmt::format("{} mistakes", texts.size());
  }
  return texts[0];
}

TEST(Read, TheNameAndTheWorkloadAreEnough) {
  const core::Release release = release_of(spec_with(""));
  core::Release expected;
  expected.name = "shop";
  expected.workload = core::ProcessWorkload{};
  std::get<core::ProcessWorkload>(expected.workload).command = {"/bin/shop", "{{version}}",
                                                                "{{port}}"};
  expected.steps = core::default_steps();
  expected.checks = core::default_checks();
  EXPECT_EQ(release, expected);
}

TEST(Read, FillsEveryPartOfAProcessRelease) {
  const core::Release release = release_of(spec_with(
      "  traffic: { nginx: { listen: 8081, sticky: cookie sid } }\n"
      "  steps: [{ weight: 0.1%, hold: 500ms }, { weight: 60 }]\n"
      "  checks: [{ latency: { quantile: 0.999, limit: 250ms }, min_requests: 7 }]\n"
      "  windows: [{ days: [mon, wed-thu], from: 22:00, to: 06:00, zone: Asia/Kolkata }]\n"
      "  freezes: [{ from: 2026-12-24 }]\n"
      "  notify: [{ webhook: { url: https://x.example/y, format: slack, on: [paused] } }]\n"
      "  analysis: { decision: evidence, missed: 0.05, tolerance: 1.5 }\n"
      "  promotion: automatic\n"
      "  turn: 100ms\n"));
  const auto& nginx = std::get<core::NginxTraffic>(release.traffic);
  EXPECT_EQ(nginx.listen, "127.0.0.1:8081");
  EXPECT_EQ(nginx.sticky, (core::Sticky{core::Sticky::By::cookie, "sid"}));
  EXPECT_EQ(release.steps,
            (std::vector<core::Step>{{Percent::from_ppm(1000), 500ms}, {Percent::whole(60), 60s}}));
  EXPECT_EQ(release.checks,
            (std::vector<core::Check>{
                {"latency_p99.9", 7, core::LatencyCheck{Percent::from_ppm(999'000), 250ms}}}));
  EXPECT_EQ(release.windows,
            (std::vector<core::Window>{{0b1101, 22 * 60, 6 * 60, "Asia/Kolkata"}}));
  EXPECT_EQ(release.freezes, (std::vector<core::Freeze>{{"2026-12-24", "2026-12-24", ""}}));
  EXPECT_EQ(release.notify,
            (std::vector<core::Webhook>{
                {"https://x.example/y", core::Webhook::Format::slack, {"paused"}}}));
  EXPECT_EQ(release.analysis.decision, core::Analysis::Decision::evidence);
  EXPECT_EQ(release.analysis.tolerance, 1.5);
  EXPECT_EQ(release.promotion, core::Promotion::automatic);
  EXPECT_EQ(release.turn, 100ms);
}

TEST(Read, PlaceholdersNeedNoQuotes) {
  const core::Release release = release_of(
      "metadata: {name: shop}\n"
      "spec:\n"
      "  workload:\n"
      "    process:\n"
      "      command: [/opt/{{version}}/shop, --port, {{port}}]\n"
      "      env: { V: {{version}}, W: \"{{version}}\" }\n");
  const auto& process = std::get<core::ProcessWorkload>(release.workload);
  EXPECT_EQ(process.command,
            (std::vector<std::string>{"/opt/{{version}}/shop", "--port", "{{port}}"}));
  EXPECT_EQ(process.env.at("V"), "{{version}}");
}

TEST(Read, SeveralDocumentsAreSeveralReleases) {
  const std::string two =
      spec_with("") + "---\n# nothing\n---\n" +
      "metadata: { name: web }\nspec: { workload: { deployments: { image: 'w:{{version}}' } } }\n";
  const ReadSpecs read = read_specs(two, "t.yaml");
  EXPECT_TRUE(read.mistakes.empty());
  ASSERT_EQ(read.releases.size(), 2U);
  EXPECT_EQ(read.releases[1].name, "web");
}

TEST(Read, TwoReleasesOfOneNameAreAMistake) {
  EXPECT_EQ(
      mistakes_of(spec_with("") + "---\n" + spec_with("")),
      std::vector<std::string>{
          "t.yaml:6:19: metadata.name: another release of this file is named 'shop' (line 1)"});
}

TEST(Read, OneBadDocumentDoesNotHideTheOthers) {
  const ReadSpecs read =
      read_specs(spec_with("  turn: 1h\n") + "---\nmetadata: { name: web }\n" +
                     "spec: { workload: { deployments: { image: 'w:{{version}}' } } }\n",
                 "t.yaml");
  ASSERT_EQ(read.releases.size(), 1U);
  EXPECT_EQ(read.releases[0].name, "web");
  EXPECT_EQ(read.mistakes.size(), 1U);
}

TEST(Mistakes, ComeAllAtOnceInTheOrderOfTheFile) {
  const ReadSpecs read = read_specs(
      "metadata: { name: Shop }\n"
      "spec:\n"
      "  workload: { process: { command: [/bin/shop], replicas: 0 } }\n"
      "  steps:\n"
      "    - { wieght: 5%, hold: 60 }\n"
      "    - { weight: 101% }\n"
      "    - { hold: 1m }\n"
      "  promotion: autmatic\n",
      "t.yaml");
  std::string places;
  for (const Mistake& m : read.mistakes)
    places += fmt::format("{}:{} {}\n", m.line, m.column, m.key);
  EXPECT_EQ(places,
            "1:19 metadata.name\n"
            "3:35 spec.workload.process.command\n"  // no {{port}}
            "3:35 spec.workload.process.command\n"  // no {{version}}
            "3:58 spec.workload.process.replicas\n"
            "5:9 spec.steps[0].wieght\n"
            "5:27 spec.steps[0].hold\n"
            "6:17 spec.steps[1].weight\n"
            "7:7 spec.steps[2].weight\n"  // missing
            "8:14 spec.promotion\n");
  EXPECT_EQ(read.mistakes[4].message, "unknown key 'wieght'; did you mean 'weight'?");
  EXPECT_EQ(read.mistakes[6].message, "'101%' is outside the allowed range, 0.1% to 100%");
  EXPECT_EQ(read.mistakes[8].message,
            "'autmatic' is not ask or automatic; did you mean 'automatic'?");
}

TEST(Mistakes, NameTheNearestKeyOrItsRightPlace) {
  EXPECT_EQ(mistake_in("  promotoin: ask\n"),
            "t.yaml:5:3: spec.promotoin: unknown key 'promotoin'; did you mean 'promotion'?");
  EXPECT_EQ(mistake_in("  no_data: { quantile: 0.5 }\n"),
            "t.yaml:5:14: spec.no_data.quantile: unknown key 'quantile' here; it stands at "
            "spec.checks[].latency.quantile");
  EXPECT_EQ(mistake_in("  no_data: { colour: red }\n"),
            "t.yaml:5:14: spec.no_data.colour: unknown key 'colour'; known here: hold, then");
}

TEST(Mistakes, WeightsMustBeTenthsThatGrow) {
  EXPECT_EQ(mistake_in("  steps: [{ weight: 5.55% }]\n"),
            "t.yaml:5:21: spec.steps[0].weight: 5.55 % is not a multiple of 0.1 %");
  EXPECT_EQ(mistake_in("  steps: [{ weight: 25% }, { weight: 25% }]\n"),
            "t.yaml:5:38: spec.steps[1].weight: 25 % is not above the step before it (25 %)");
  EXPECT_EQ(mistake_in("  steps: [{ weight: abc }]\n"),
            "t.yaml:5:21: spec.steps[0].weight: 'abc' is not a percentage like 5% (0.1% to 100%)");
  EXPECT_EQ(mistake_in("  steps: [{ weight: -1 }]\n"),
            "t.yaml:5:21: spec.steps[0].weight: '-1' is outside the allowed range, 0.1% to 100%");
  EXPECT_EQ(mistake_in("  steps: []\n"),
            "t.yaml:5:10: spec.steps: has 0 entries; allowed are 1 to 100 entries");
  EXPECT_TRUE(mistakes_of(spec_with("  steps: [{ weight: 50% }]\n")).empty())
      << "last step below 100 %";
}

TEST(Mistakes, RangesAreKept) {
  const std::pair<const char*, const char*> cases[] = {
      {"  turn: 99ms\n", "100ms to 1m"},
      {"  turn: 61s\n", "100ms to 1m"},
      {"  steps: [{ weight: 5%, hold: 99ms }]\n", "100ms to 168h"},
      {"  checks: [{ error_rate: { limit: 0% } }]\n", "0.0001% to 99.9999%"},
      {"  checks: [{ error_rate: { limit: 100% } }]\n", "0.0001% to 99.9999%"},
      {"  checks: [{ latency: { quantile: 0.99999 } }]\n", "0.5 to 0.9999"},
      {"  checks: [{ latency: { quantile: 95% } }]\n", "is not a number (0.5 to 0.9999)"},
      {"  checks: [{ latency: { quantile: nan } }]\n", "is not a number"},
      {"  checks: [{ latency: { limit: 0ms } }]\n", "1ms to 10m"},
      {"  analysis: { false_alarm: 0.6 }\n", "1e-06 to 0.5"},
      {"  analysis: { early_fail: yes }\n", "'yes' is not true or false"},
      {"  min_requests: -1\n", "0 to 1000000000"},
      {"  min_requests: 1e3\n", "is not a whole number"},
      {"  min_requests: '20'\n", "write it without quotes"},
      {"  min_requests: 99999999999999999999\n", "is not a whole number"},
      {"  min_requests:\n", "has no value"},
      {"  min_requests: [1]\n", "must be a single value, not a list"},
      {"  version: a/b\n", "the character"},
  };
  for (const auto& [extra, part] : cases)
    EXPECT_NE(mistake_in(extra).find(part), std::string::npos) << mistake_in(extra);
}

TEST(Mistakes, NothingForeignReachesAnNginxConfiguration) {
  for (const char* listen :
       {"\"8080; include /etc/passwd\"", "'8080\n}'", "\"127.0.0.1:80 ssl\"", "a b:80", "0",
        "65536", "1.2.3:80", "999.1.1.1:80", "\"[::1:80\"", "\"[:::]:80\"", "x", "unix:/tmp/x",
        "\"$host:80\"", "\"\\0\"", "\"[::\\0x]:80\"", "-1", "\"127.0.0.1:\""})
    EXPECT_NE(mistake_in(fmt::format("  traffic: {{ nginx: {{ listen: {} }} }}\n", listen))
                  .find("listen"),
              std::string::npos)
        << listen;
  for (const char* sticky :
       {"cookie a-b", "cookie a;b", "cookie", "cookie  a", "'cookie a '", "\"cookie $x\""})
    EXPECT_NE(mistake_in(fmt::format("  traffic: {{ nginx: {{ sticky: {} }} }}\n", sticky))
                  .find("sticky"),
              std::string::npos)
        << sticky;
  for (const char* include : {"relative.conf", "/a/../b", "\"/a b\"", "\"/a;\"", "/a/"})
    EXPECT_NE(mistake_in(fmt::format("  traffic: {{ nginx: {{ include: {} }} }}\n", include))
                  .find("include"),
              std::string::npos)
        << include;
}

std::string process(const std::string& inside) {
  return "metadata: { name: shop }\nspec: { workload: { process: { " + inside + " } } }\n";
}

TEST(Mistakes, HealthPathsHoldNothingButAPath) {
  const std::string command = "command: [a, \"{{version}}{{port}}\"], ";
  for (const char* path :
       {"health", "\"/a b\"", "\"/a;b\"", "\"/{x}\"", "\"/a\\nHost: x\"", "''", "\"/\\u00e9\""})
    EXPECT_EQ(mistakes_of(process(command + "health: { path: " + path + " }")).size(), 1U) << path;
  EXPECT_TRUE(mistakes_of(process(command + "health: { path: \"/healthz?full=1\" }")).empty());
}

TEST(Mistakes, CommandsNeedTheirPlaceholdersAndNoOthers) {
  const auto only = [](const std::string& inside) {
    const auto texts = mistakes_of(process(inside));
    return texts.size() == 1 ? texts[0] : fmt::format("{} mistakes", texts.size());
  };
  EXPECT_EQ(
      only("command: [shop, \"{{version}}\"]"),
      "t.yaml:2:41: spec.workload.process.command: neither command nor env holds {{port}}: the "
      "process would not know where to listen");
  EXPECT_TRUE(
      mistakes_of(process("command: [a, \"{{version}}\"], env: { PORT: \"{{port}}\" }")).empty());
  EXPECT_EQ(
      only("command: [shop, \"{{vesion}}\", \"{{port}}{{version}}\"]"),
      "t.yaml:2:48: spec.workload.process.command[1]: unknown placeholder '{{vesion}}'; did you "
      "mean '{{version}}'?");
  EXPECT_EQ(only("command: [\"{{version}}{{port}}\"], env: { A: \"{{user}}\" }"),
            "t.yaml:2:76: spec.workload.process.env.A: unknown placeholder '{{user}}'; known here: "
            "{{version}}, {{port}}");
  EXPECT_NE(only("command: shop --port 1").find("must be a list"), std::string::npos);
  EXPECT_NE(only("command: []").find("1 to 256"), std::string::npos);
  EXPECT_NE(only("command: [\"a\\0{{version}}{{port}}\"]").find("command[0]"), std::string::npos);
  EXPECT_NE(only("command: [\"{{version}}{{port}}\"], env: { 1A: x }").find("is not a name"),
            std::string::npos);
}

TEST(Mistakes, OneWorkloadWithItsOwnTraffic) {
  EXPECT_EQ(
      mistakes_of("metadata: { name: a }\nspec: {}\n")[0],
      "t.yaml:2:7: spec.workload: 'workload' is missing: what runs: processes here or Deployments");
  EXPECT_EQ(mistakes_of("metadata: { name: a }\nspec: { workload: {} }\n")[0],
            "t.yaml:2:19: spec.workload: needs one of process, deployments");
  EXPECT_EQ(
      mistakes_of("metadata: { name: a }\nspec: { workload: { process: { command: "
                  "[\"{{port}}{{version}}\"] },"
                  " deployments: { image: \"a:{{version}}\" } } }\n")[0],
      "t.yaml:2:81: spec.workload.deployments: only one of process, deployments may be given; "
      "'process' is there already");
  EXPECT_NE(mistake_in("  traffic: { router: ingress-nginx }\n").find("for workload.deployments"),
            std::string::npos);
  EXPECT_NE(mistake_in("  traffic: { nginx: {}, with: { a: b } }\n")
                .find("'with' belongs to traffic.router"),
            std::string::npos);
  EXPECT_NE(mistake_in("  metrics: { source: prometheus }\n").find("needs the address"),
            std::string::npos);
  EXPECT_NE(mistake_in("  metrics: { address: http://x }\n").find("takes no address"),
            std::string::npos);
}

TEST(Mistakes, CalendarsAndWebhooksMustMakeSense) {
  const std::pair<const char*, const char*> cases[] = {
      {"  windows: [{ days: monday }]\n", "days like mon-fri"},
      {"  windows: [{ from: 25:00 }]\n", "a time of day"},
      {"  windows: [{ from: '09:00', to: '09:00' }]\n", "is empty"},
      {"  windows: [{ zone: ../../etc/passwd }]\n", "the name of a time zone"},
      {"  freezes: [{ from: 2026-02-30 }]\n", "a date like"},
      {"  freezes: [{ from: 2026-12-20, to: 2026-12-19 }]\n", "is before 2026-12-20"},
      {"  freezes: [{ to: 2026-12-19 }]\n", "'from' is missing"},
      {"  notify: [{ webhook: { url: ftp://x } }]\n", "an http:// or https:// URL"},
      {"  notify: [{ webhook: { url: '' } }]\n", "must be an http:// or https:// URL"},
      {"  notify: [{ webhook: { url: http://x, on: [promted] } }]\n", "did you mean 'promoted'?"},
      {"  notify: [{}]\n", "'webhook' is missing"},
      {"  checks: [{ gauge: { of: cpu, limit: 1GiB } }]\n", "CPU is only compared"},
      {"  checks: [{ gauge: { of: memory, advisory: false } }]\n", "false needs a limit"},
      {"  checks: [{ gauge: { of: memory, limit: 512MB } }]\n", "a size like 512MiB"},
      // Its shortest text has an exponent, which the spec that is kept could not be read with.
      {"  checks: [{ gauge: { of: memory, limit: 0.00001MiB } }]\n", "a size like 512MiB"},
      {"  checks: [{ health: {} }, { health: { restarts: 5 } }]\n", "like checks[0]"},
      {"  checks: [{ name: x }]\n", "needs one of error_rate, latency, health, gauge"},
  };
  for (const auto& [extra, part] : cases)
    EXPECT_NE(mistake_in(extra).find(part), std::string::npos) << mistake_in(extra);
}

TEST(Mistakes, AnotherKindOfDocumentIsOneMistake) {
  EXPECT_EQ(
      mistakes_of(
          "apiVersion: apps/v1\nkind: Deployment\nmetadata: { labels: {} }\nspec: { x: 1 }\n"),
      std::vector<std::string>{"t.yaml:2:7: kind: 'Deployment' is not Release"});
}

TEST(Hostile, DuplicateKeysAreNamedWithBothLines) {
  EXPECT_EQ(mistake_in("  turn: 1s\n  turn: 2s\n"),
            "t.yaml:6:3: key 'turn' is here twice (lines 5 and 6)");
}

TEST(Hostile, AnchorsAliasesAndTagsAreRefused) {
  std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c <= 'z'; ++c)
    bomb += fmt::format("{0}: &{0} [*{1},*{1},*{1},*{1},*{1},*{1},*{1},*{1},*{1}]\n", c,
                        static_cast<char>(c - 1));
  const ReadSpecs read = read_specs(bomb, "t.yaml");
  EXPECT_TRUE(read.releases.empty());
  EXPECT_EQ(read.mistakes.size(), max_mistakes);
  EXPECT_NE(read.mistakes[0].text().find("an anchor (&name) is not allowed"), std::string::npos);
  EXPECT_EQ(mistake_in("  min_requests: !!int 3\n"),
            "t.yaml:5:17: a tag ('tag:yaml.org,2002:int') is not allowed");
}

TEST(Hostile, DepthSizeAndCountAreBounded) {
  const auto only = [](const std::string& yaml) {
    const auto texts = mistakes_of(yaml);
    return texts.size() == 1 ? texts[0] : fmt::format("{} mistakes", texts.size());
  };
  EXPECT_NE(only(std::string(100'000, '[')).find("nested more than 32 levels deep"),
            std::string::npos);
  EXPECT_NE(only(std::string(100'000, '{')).find("nested more than 32 levels deep"),
            std::string::npos);
  EXPECT_EQ(only(std::string(max_bytes + 1, 'a')), "t.yaml: the file is larger than 1024 KiB");
  std::string lines = spec_with("  steps:\n");
  for (int i = 0; i < 100'000; ++i) lines += "  - a: 1\n";
  EXPECT_EQ(only(lines).substr(0, 7), "t.yaml:") << only(lines);
  EXPECT_NE(only(lines).find("too large: more than 50000 values"), std::string::npos);
  std::string comments = spec_with("");
  for (int i = 0; i < 100'000; ++i) comments += "# a line\n";
  EXPECT_TRUE(mistakes_of(comments).empty());
}

TEST(Hostile, ManyMistakesEndInALineThatSaysSo) {
  std::string keys = spec_with("");
  for (int i = 0; i < 10'000; ++i) keys += fmt::format("  key{}: 1\n", i);
  const ReadSpecs read = read_specs(keys, "t.yaml");
  EXPECT_EQ(read.mistakes.size(), max_mistakes);
  EXPECT_EQ(read.mistakes.back().message, "too many mistakes: the rest is not shown");
}

TEST(Hostile, TextThatIsNoTextIsRefusedWithItsLine) {
  EXPECT_EQ(mistake_in("\tturn: 1s\n"),
            "t.yaml:5:1: a tab indents this line: YAML takes only spaces");
  EXPECT_EQ(mistake_in("  # \xff\n"), "t.yaml:5:1: this line is not UTF-8 text");
  EXPECT_EQ(mistake_in("  # \xed\xa0\x80\n"), "t.yaml:5:1: this line is not UTF-8 text");
  EXPECT_EQ(mistake_in(std::string("  turn: 1s\0\n", 12)),
            "t.yaml:5:1: this line holds a control character");
  EXPECT_EQ(mistake_in("  turn: \x1b[31m1s\n"), "t.yaml:5:1: this line holds a control character");
}

TEST(Hostile, EmptyFilesHoldNoRelease) {
  for (const char* text : {"", "\n", "# nothing\n", "---\n---\n...\n", "%YAML 1.2\n", "~\n"})
    EXPECT_EQ(mistakes_of(text),
              std::vector<std::string>{"t.yaml: there is no release in this file"})
        << text;
}

TEST(Hostile, SyntaxErrorsNameTheirPlace) {
  EXPECT_EQ(mistake_in("  turn: [1s\n"),
            "t.yaml:6:1: this is not YAML: end of sequence flow not found");
  EXPECT_EQ(mistakes_of("[]\n")[0],
            "t.yaml:1:1: a document must be a mapping like 'kind: Release'");
  EXPECT_EQ(mistakes_of("? [a]\n: b\n").size(), 3U) << "a list as key, no metadata, no spec";
}

TEST(Hostile, MessagesAreSafeForATerminal) {
  // Cut and escaped, this key is as long as it was with its quotes.
  const auto same_length = read_specs("\"\\e" + std::string(65, 'a') + "\": 1\n", "t.yaml");
  EXPECT_FALSE(same_length.mistakes.empty());
  for (const Mistake& mistake : same_length.mistakes)
    for (char c : mistake.text()) EXPECT_TRUE(c >= ' ') << mistake.text();
  const ReadSpecs read =
      read_specs(spec_with("  \"a\\e[31m\\x9b\": 1\n  promotion: \"\\e]0;x\\a\"\n"), "t.yaml");
  EXPECT_EQ(read.mistakes.size(), 2U);
  for (const Mistake& mistake : read.mistakes)
    for (char c : mistake.text()) EXPECT_TRUE(c >= ' ') << mistake.text();
}

// Either a release or a mistake, and what is given back is sound.
void expect_answer(const std::string& text) {
  const ReadSpecs read = read_specs(text, "t.yaml");
  RC_ASSERT(!read.releases.empty() || !read.mistakes.empty());
  RC_ASSERT(read.mistakes.size() <= max_mistakes);
  for (const core::Release& release : read.releases) {
    const ReadSpecs again = read_specs(to_yaml(release), "again.yaml");
    RC_ASSERT(again.mistakes.empty());
    RC_ASSERT(again.releases == std::vector<core::Release>{release});
  }
}

RC_GTEST_PROP(Fuzz, ArbitraryBytesGiveAnAnswer, (const std::string& bytes)) {
  expect_answer(bytes);
}

RC_GTEST_PROP(Fuzz, ArbitraryYamlTokensGiveAnAnswer, ()) {
  const auto tokens = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      "a", ": ", "\n", "  ", "- ", "[", "]", "{", "}", ", ", "&x ", "*x", "!t ", "'", "\"", "|",
      ">", "? ", "---\n", "...\n", "#", "%", "~", "<<", "\t", "{{version}}", "metadata", "spec",
      "steps", "name", "\\", "\r", "1"));
  std::string text;
  for (const auto& token : tokens) text += token;
  expect_answer(text);
}

RC_GTEST_PROP(Fuzz, MutationsOfASoundSpecGiveAnAnswer, ()) {
  std::string text = to_yaml(release_of(spec_with(
      "  windows: [{ days: mon-fri, from: '09:00', to: '17:00', zone: Europe/Berlin }]\n"
      "  freezes: [{ from: 2026-12-20, to: 2027-01-03, why: holidays }]\n"
      "  notify: [{ webhook: { url: https://x.example/y, format: slack, on: [paused] } }]\n")));
  const auto edits = *rc::gen::inRange(1, 6);
  for (int i = 0; i < edits; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size() + 1);
    const auto length = std::min(*rc::gen::inRange<std::size_t>(0, 20), text.size() - at);
    switch (*rc::gen::inRange(0, 4)) {
      case 0: text.erase(at, length); break;
      case 1: text.insert(at, text.substr(at, length)); break;
      case 2:
        text.insert(at, *rc::gen::element<std::string>("{", "[", "&a ", "*a", "\t", "\n", "- ",
                                                       ": ", "!!x ", "\"", "'", "#", "---\n", "~",
                                                       "-1", "%", "\xff"));
        break;
      default:
        if (at < text.size()) text[at] = *rc::gen::arbitrary<char>();
    }
  }
  expect_answer(text);
}

}  // namespace
}  // namespace linnet::spec
