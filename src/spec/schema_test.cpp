#include "spec/schema.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>

#include "spec/fields.h"
#include "spec/read.h"
#include "spec/write.h"

namespace linnet::spec {
namespace {

const std::string source_dir = LINNET_SOURCE_DIR;

std::string read_file(const std::string& path) {
  std::ifstream file(source_dir + "/" + path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(file) << path;
  return text.str();
}

// With LINNET_WRITE_DOCS set, the committed file is written again instead.
void expect_committed(const std::string& path, const std::string& text) {
  if (std::getenv("LINNET_WRITE_DOCS") != nullptr)
    std::ofstream(source_dir + "/" + path, std::ios::binary) << text;
  EXPECT_TRUE(read_file(path) == text)
      << path
      << " is older than src/spec/fields.cpp; LINNET_WRITE_DOCS=1 spec_test writes it again";
}

TEST(Schema, IsTheCommittedOne) { expect_committed("docs/release.schema.json", json_schema()); }

TEST(Reference, IsTheCommittedOne) {
  const std::string page = read_file("docs/spec.md");
  const std::size_t begin = page.find('\n', page.find("<!-- generated")) + 1;
  const std::size_t end = page.find("<!-- end of the generated part");
  ASSERT_LE(begin, end);
  ASSERT_NE(end, std::string::npos);
  expect_committed("docs/spec.md",
                   page.substr(0, begin) + "\n" + reference_markdown() + "\n" + page.substr(end));
}

TEST(Schema, IsJsonWithEveryKeyInItsPlace) {
  const YAML::Node schema = YAML::Load(json_schema());  // JSON is YAML
  for (const Field& field : fields()) {
    YAML::Node at = schema["$defs"]["release"];
    std::stringstream path{std::string(field.path)};
    for (std::string key; std::getline(path, key, '.');) {
      const bool list = key.ends_with("[]");
      at.reset(at["properties"][list ? key.substr(0, key.size() - 2) : key]);
      if (list) at.reset(at["items"]);
    }
    EXPECT_TRUE(at.IsMap()) << field.path;
    EXPECT_TRUE(at["description"].IsDefined()) << field.path;
  }
}

TEST(Docs, ExamplesHaveNoMistakes) {
  for (const char* path : {"docs/examples/shop.yaml", "docs/examples/full.yaml", "k8s/canary.yaml",
                           "docs/examples/metrics.yaml"}) {
    const ReadSpecs read = read_specs(read_file(path), path);
    for (const Mistake& mistake : read.mistakes) ADD_FAILURE() << mistake.text();
    EXPECT_FALSE(read.releases.empty()) << path;
  }
}

TEST(Docs, TheTenLinesOfThePageAreTheExample) {
  const std::string example = read_file("docs/examples/shop.yaml");
  EXPECT_NE(read_file("docs/spec.md").find("```yaml\n" + example + "```"), std::string::npos);
  EXPECT_EQ(std::count(example.begin(), example.end(), '\n'), 10);
}

TEST(Docs, TheFullExamplesHoldEveryKey) {
  const std::string all = read_file("docs/examples/full.yaml") + read_file("k8s/canary.yaml") +
                          read_file("docs/examples/metrics.yaml");
  for (const Field& field : fields())
    EXPECT_NE(all.find(std::string(field.key()) + ":"), std::string::npos) << field.path;
}

TEST(Docs, TheKubernetesExampleIsWhatNameImageAndHostGive) {
  const ReadSpecs example = read_specs(read_file("k8s/canary.yaml"), "canary.yaml");
  const ReadSpecs brief = read_specs(
      "metadata: { name: api-gateway, namespace: autograph }\n"
      "spec: { version: v1.0.0, workload: { deployments: {\n"
      "    image: 'autograph/api-gateway:{{version}}', host: api.autograph.local } } }\n",
      "brief.yaml");
  ASSERT_EQ(example.releases.size(), 1U);
  ASSERT_EQ(brief.releases.size(), 1U);
  EXPECT_EQ(example.releases[0], brief.releases[0])
      << to_yaml(example.releases[0]) << to_yaml(brief.releases[0]);
}

// What the schema lets through or refuses must be what the reader does, as far as one text goes.
TEST(Formats, PatternsOfTheSchemaAgreeWithTheReader) {
  const std::vector<std::string> texts{"",
                                       "a",
                                       "shop",
                                       "-shop",
                                       "shop-",
                                       "Shop",
                                       "a.b",
                                       "a_b",
                                       "v1.2.0",
                                       "v1..2",
                                       ".v1",
                                       "1.10+b-2",
                                       "/",
                                       "/health",
                                       "/a b",
                                       "/a;b",
                                       "/a{b}",
                                       "/../x",
                                       "/var/lib/x",
                                       "/var/lib/",
                                       "relative/x",
                                       "127.0.0.1:8080",
                                       "8080",
                                       "*:80",
                                       "[::1]:80",
                                       "localhost:80",
                                       "localhost",
                                       "a;b:80",
                                       ":80",
                                       "http://x",
                                       "https://x.example/y?z=1",
                                       "ftp://x",
                                       "http://",
                                       "http:///x",
                                       "https://x\"y",
                                       "none",
                                       "client_address",
                                       "cookie a",
                                       "cookie a-b",
                                       "cookie ",
                                       "cookie a;b",
                                       "09:00",
                                       "24:00",
                                       "24:01",
                                       "9:00",
                                       "23:59",
                                       "mon",
                                       "mon-fri",
                                       "mon-fri,sun",
                                       "monday",
                                       "mon,",
                                       "2026-12-20",
                                       "2026-1-2",
                                       "2026-13-01",
                                       "UTC",
                                       "Europe/Berlin",
                                       "Etc/GMT+5",
                                       "/etc/passwd",
                                       "../x",
                                       "Europe/",
                                       "shop/web:{{version}}",
                                       "shop/web",
                                       "a b{{version}}",
                                       std::string(64, 'a'),
                                       std::string(300, 'a')};
  std::vector<const Format*> seen;
  for (const Field& field : fields()) {
    const Format* format = field.kind.format;
    if (format == nullptr || format->pattern.empty()) continue;
    const std::regex pattern{std::string(format->pattern)};
    for (const std::string& text : texts) {
      if (!format->problem(text)) {
        EXPECT_TRUE(std::regex_search(text, pattern)) << format->name << ": '" << text << "'";
      }
    }
    if (std::find(seen.begin(), seen.end(), format) != seen.end()) continue;
    seen.push_back(format);
    const bool any = std::all_of(texts.begin(), texts.end(), [&](const std::string& text) {
      return std::regex_search(text, pattern);
    });
    EXPECT_EQ(any, format->pattern == any_text.pattern) << format->name;
  }
}

TEST(Fields, EveryRowExplainsItself) {
  for (const Field& field : fields()) {
    EXPECT_FALSE(field.help.empty()) << field.path;
    EXPECT_LT(field.help.size(), 100U) << field.path;
    if (field.kind.type == Type::text || field.kind.type == Type::texts) {
      EXPECT_NE(field.kind.format, nullptr) << field.path;
    }
  }
}

TEST(Fields, EveryDefaultIsInsideItsRange) {
  for (const Field& field : fields()) {
    const std::string text = default_text(field);
    if (!field.fallback.empty() || text.empty()) continue;
    const auto quoted = [&](std::string_view word) { return text.find(word) != std::string::npos; };
    if (field.kind.type == Type::word) {
      EXPECT_TRUE(std::any_of(field.kind.words.begin(), field.kind.words.end(), quoted))
          << field.path;
    }
    if (field.kind.type == Type::duration) {
      const double ms = static_cast<double>(parse_duration(text).value().count());
      EXPECT_TRUE(ms >= field.kind.min && ms <= field.kind.max) << field.path;
    }
    if (field.kind.type == Type::integer || field.kind.type == Type::number) {
      EXPECT_TRUE(std::stod(text) >= field.kind.min && std::stod(text) <= field.kind.max)
          << field.path;
    }
  }
}

}  // namespace
}  // namespace linnet::spec
