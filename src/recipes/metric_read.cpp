// A metrics recipe from YAML. Every key is known here; mistakes are collected with their places.
#include <algorithm>
#include <charconv>
#include <set>

#include "base/units.h"
#include "recipes/metric_data.h"
#include "recipes/metric_pattern.h"
#include "spec/yaml_tree.h"

namespace linnet::recipes {
namespace {

using spec::Node;
using Words = std::vector<std::string_view>;

/// One mapping of the file; each key is asked for by name, and the others are mistakes.
class Section {
 public:
  Section(spec::Mistakes& mistakes, const Node* node, std::string path)
      : mistakes_(mistakes), node_(node), path_(std::move(path)) {
    if (node_ != nullptr && node_->kind != Node::Kind::map) {
      mistakes_.add(node_->place, path_, "must be a mapping");
      node_ = nullptr;
    }
  }

  [[nodiscard]] bool present() const { return node_ != nullptr; }

  void known(const Words& keys) {
    for (std::size_t i = 0; node_ != nullptr && i + 1 < node_->items.size(); i += 2) {
      const std::string& key = node_->items[i].text;
      if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
      const std::string_view near = nearest_word(key, keys);
      mistakes_.add(
          node_->items[i].place, at(key),
          near.empty() ? "unknown key" : fmt::format("unknown key; did you mean '{}'?", near));
    }
  }

  const Node* find(std::string_view key) const {
    for (std::size_t i = 0; node_ != nullptr && i + 1 < node_->items.size(); i += 2)
      if (node_->items[i].text == key) return &node_->items[i + 1];
    return nullptr;
  }

  Section section(std::string_view key) const { return {mistakes_, find(key), at(key)}; }

  std::string text(std::string_view key, bool required = false) {
    const Node* node = find(key);
    if (node == nullptr) {
      if (required) wrong(key, "is missing");
      return {};
    }
    if (node->kind != Node::Kind::scalar && node->kind != Node::Kind::null)
      wrong(key, "must be a text");
    else if (required && node->text.empty())
      wrong(key, "must not be empty");
    return node->text;
  }

  Template shaped(std::string_view key, bool required = false) {
    auto made = Template::parse(text(key, required));
    if (!made) wrong(key, made.error().message);
    return made.value_or(Template());
  }

  std::string word(std::string_view key, const Words& words) {
    std::string chosen = text(key);
    if (chosen.empty()) chosen = words.front();
    if (std::find(words.begin(), words.end(), chosen) == words.end())
      wrong(key, fmt::format("must be {}", fmt::join(words, " or ")));
    return chosen;
  }

  Duration duration(std::string_view key, Duration fallback) {
    const std::string written = text(key);
    if (written.empty()) return fallback;
    const auto parsed = parse_duration(written);
    if (!parsed || *parsed > 24h) wrong(key, "must be a duration of at most 24h, such as 60s");
    return parsed.value_or(fallback);
  }

  double number(std::string_view key, double fallback) {
    const std::string written = text(key);
    if (written.empty()) return fallback;
    double value = 0;
    const char* const end = written.data() + written.size();
    const auto read = std::from_chars(written.data(), end, value);
    if (read.ec != std::errc() || read.ptr != end || !(value > 0 && value < 1e9))
      wrong(key, "must be a number above 0");
    return value;
  }

  std::vector<std::string> texts(std::string_view key) {
    std::vector<std::string> all;
    const Node* node = find(key);
    if (node == nullptr) return all;
    if (node->kind != Node::Kind::list) wrong(key, "must be a list of texts");
    for (const Node& item : node->items) all.push_back(item.text);
    return all;
  }

  /// Names and texts, in the order of the file.
  std::vector<std::pair<std::string, Template>> map(std::string_view key) {
    std::vector<std::pair<std::string, Template>> all;
    const Section inner = section(key);
    for (std::size_t i = 0; inner.present() && i + 1 < inner.node_->items.size(); i += 2) {
      const std::string& name = inner.node_->items[i].text;
      Section one = inner;
      all.emplace_back(name, one.shaped(name));
    }
    return all;
  }

  void wrong(std::string_view key, std::string_view message) {
    const Node* node = find(key);
    if (node == nullptr) node = node_;
    mistakes_.add(node == nullptr ? spec::Place{1, 1} : node->place, at(key), message);
  }

  std::vector<std::string> keys() const {
    std::vector<std::string> all;
    for (std::size_t i = 0; node_ != nullptr && i + 1 < node_->items.size(); i += 2)
      all.push_back(node_->items[i].text);
    return all;
  }

 private:
  [[nodiscard]] std::string at(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  }
  spec::Mistakes& mistakes_;
  const Node* node_;
  std::string path_;
};

/// Every parameter that a text names is one of the recipe's, or always there.
class Names {
 public:
  explicit Names(const std::vector<MetricParameter>& parameters)
      : known_{"namespace", "release", "stable_deployment", "canary_deployment"} {
    for (const MetricParameter& parameter : parameters) known_.push_back(parameter.name);
  }
  void add(const Words& more) { known_.insert(known_.end(), more.begin(), more.end()); }
  void check(Section& section, std::string_view key, const Template& text) const {
    for (const std::string& name : text.names()) {
      if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
      const std::string_view near = nearest_word(name, known_);
      section.wrong(key, near.empty() ? fmt::format("{{{{{}}}}} is no parameter", name)
                                      : fmt::format("{{{{{}}}}} is no parameter; did you mean "
                                                    "'{}'?",
                                                    name, near));
    }
  }
  void check(Section& section, std::string_view key,
             const std::vector<std::pair<std::string, Template>>& texts) const {
    for (const auto& [name, text] : texts) check(section, key, text);
  }

 private:
  std::vector<std::string_view> known_;
};

std::vector<MetricParameter> read_parameters(const Section& top) {
  std::vector<MetricParameter> all;
  Section section = top.section("parameters");
  for (const std::string& name : section.keys()) {
    if (!Template::parse("{{" + name + "}}"))
      section.wrong(name, "the name of a parameter is of [a-z0-9_]");
    Section one = section.section(name);
    one.known({"help", "default"});
    MetricParameter parameter{name, one.text("help", true), {}};
    const Node* fallback = one.find("default");
    if (fallback != nullptr && fallback->kind == Node::Kind::list)
      parameter.fallback = one.texts("default");
    else if (fallback != nullptr)
      parameter.fallback = {{one.text("default")}};
    all.push_back(std::move(parameter));
  }
  return all;
}

std::vector<LabelRule> read_rules(Section& family, std::string_view key, const Names& names) {
  std::vector<LabelRule> rules;
  for (auto& [label, text] : family.map(key)) {
    names.check(family, key, text);
    const bool plain = std::all_of(label.begin(), label.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (label.empty() || !plain) family.wrong(key, "the name of a label is of [A-Za-z0-9_]");
    LabelRule rule{label, text};
    constexpr std::string_view pods = "pods of ";
    if (text.text().starts_with(pods)) {
      rule.kind = LabelRule::Kind::pods;
      rule.wanted = Template::parse(text.text().substr(pods.size())).value_or(Template());
    } else if (const bool excludes = text.text().starts_with("!~");
               excludes || text.text().starts_with('~')) {
      rule.kind = excludes ? LabelRule::Kind::not_regex : LabelRule::Kind::regex;
      rule.wanted = Template::parse(text.text().substr(excludes ? 2 : 1)).value_or(Template());
      const auto trial =
          rule.wanted.written({}, [](const auto&) { return std::string("x"); }).value_or("");
      if (const auto pattern = Pattern::compile(trial); rule.wanted.names().empty() && !pattern)
        family.wrong(key, fmt::format("{}: {}", label, pattern.error().message));
    }
    rules.push_back(std::move(rule));
  }
  return rules;
}

// A text without parameters is what it says; one with them is known when they are given.
bool is_fixed(const Template& text) { return text.names().empty(); }

bool is_metric_name(const Template& metric) {
  const std::string& name = metric.text();
  return !is_fixed(metric) || std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ':';
  });
}

bool same_rules(const std::vector<LabelRule>& a, const std::vector<LabelRule>& b) {
  return a.size() == b.size() && std::all_of(a.begin(), a.end(), [&](const LabelRule& rule) {
           return std::any_of(b.begin(), b.end(), [&](const LabelRule& other) {
             return rule.label == other.label && rule.wanted.text() == other.wanted.text() &&
                    rule.kind == other.kind;
           });
         });
}

void check_place(Section& scrape, const CountersDialect::Scrape& place) {
  if (const std::string& port = place.port.text(); is_fixed(place.port) && !port.empty()) {
    int number = 0;
    const auto read = std::from_chars(port.data(), port.data() + port.size(), number);
    const bool whole = read.ec == std::errc() && read.ptr == port.data() + port.size();
    if (!whole || number < 1 || number > 65535) scrape.wrong("port", "must be from 1 to 65535");
  }
  const std::string& path = place.path.text();
  if (!path.empty() && !path.starts_with('/') && !path.starts_with("{{"))
    scrape.wrong("path", "must start with '/'");
}

CounterFamily read_family(Section& section, const Names& names, const CounterFamily* like) {
  CounterFamily family = like == nullptr ? CounterFamily{} : *like;
  family.metric = section.shaped("metric", true);
  names.check(section, "metric", family.metric);
  if (!is_metric_name(family.metric))
    section.wrong("metric", "the name of a metric is of [A-Za-z0-9_:]");
  if (like == nullptr || section.find("labels") != nullptr)
    family.common = read_rules(section, "labels", names);
  if (like == nullptr || section.find("stable") != nullptr)
    family.stable = read_rules(section, "stable", names);
  if (like == nullptr || section.find("canary") != nullptr)
    family.canary = read_rules(section, "canary", names);
  if (family.stable.empty() || family.canary.empty())
    section.wrong("stable", "stable and canary must each name a label that tells them apart");
  else if (const bool own = section.find("stable") != nullptr || section.find("canary") != nullptr;
           own && same_rules(family.stable, family.canary))
    section.wrong("canary", "is the same as stable: a label must tell them apart");
  return family;
}

CountersDialect read_counters(Section& top, const Names& names) {
  CountersDialect made;
  Section requests = top.section("requests");
  requests.known({"metric", "labels", "stable", "canary", "status", "bad"});
  if (!requests.present()) top.wrong("requests", "is missing");
  made.requests = read_family(requests, names, nullptr);
  made.status = requests.shaped("status", true);
  made.bad = requests.shaped("bad", true);
  names.check(requests, "status", made.status);
  names.check(requests, "bad", made.bad);
  if (const auto pattern = Pattern::compile(made.bad.text()); made.bad.names().empty() && !pattern)
    requests.wrong("bad", pattern.error().message);
  if (Section latency = top.section("latency"); latency.present()) {
    latency.known({"metric", "labels", "stable", "canary", "unit"});
    made.latency = read_family(latency, names, &made.requests);
    made.ms_per_unit = latency.word("unit", {"s", "ms"}) == "s" ? 1000 : 1;
  }
  made.instance = top.text("instance");
  made.renamed = top.texts("renamed");
  if (made.renamed.size() > 3) top.wrong("renamed", "at most 3 labels");
  if (Section scrape = top.section("scrape"); scrape.present()) {
    scrape.known({"pods", "namespace", "selector", "port", "path"});
    CountersDialect::Scrape place;
    place.workload = scrape.word("pods", {"selected", "workload"}) == "workload";
    place.name_space = scrape.shaped("namespace", !place.workload);
    place.selector = scrape.shaped("selector", !place.workload);
    place.port = scrape.shaped("port", true);
    place.path = scrape.shaped("path", true);
    for (const auto& [key, text] :
         {std::pair{"namespace", &place.name_space}, std::pair{"selector", &place.selector},
          std::pair{"port", &place.port}, std::pair{"path", &place.path}})
      names.check(scrape, key, *text);
    check_place(scrape, place);
    made.scrape = std::move(place);
  }
  return made;
}

void read_queries(Section& top, const Names& names, JsonDialect& made) {
  Section queries = top.section("queries");
  queries.known({"stable", "canary"});
  for (const core::Track track : {core::Track::stable, core::Track::canary}) {
    Section one = queries.section(core::track_name(track));
    one.known({"requests", "bad"});
    for (const auto& [key, number] :
         {std::pair{"requests", JsonNumber::requests}, std::pair{"bad", JsonNumber::bad}}) {
      made.queries.push_back({track, number, one.shaped(key, true)});
      names.check(one, key, made.queries.back().text);
    }
  }
}

std::string pointer(Section& in, std::string_view key, bool required = false) {
  std::string path = in.text(key, required);
  if (!path.empty() && path[0] != '/') in.wrong(key, "must be a JSON pointer: it starts with '/'");
  return path;
}

void read_answer(Section& top, JsonDialect& made) {
  Section answer = top.section("answer");
  answer.known({"value", "pick", "scale", "missing", "error", "more", "complete"});
  made.value_path = pointer(answer, "value", true);
  made.error_path = pointer(answer, "error");
  made.more_path = pointer(answer, "more");
  if (Section complete = answer.section("complete"); complete.present()) {
    complete.known({"at", "is"});
    made.complete_path = pointer(complete, "at", true);
    made.complete_text = complete.text("is", true);
  }
  const std::string pick = answer.word("pick", {"sum", "first", "oldest", "last-non-null"});
  made.pick = pick == "first"    ? JsonDialect::Pick::first
              : pick == "oldest" ? JsonDialect::Pick::oldest
              : pick == "sum"    ? JsonDialect::Pick::sum
                                 : JsonDialect::Pick::last_non_null;
  made.scale = answer.number("scale", 1);
  made.null_is_error = answer.word("missing", {"zero", "error"}) == "error";
}

JsonDialect read_json(Section& top, Names names) {
  JsonDialect made;
  names.add({"query", "start_s", "start_ms", "start_iso", "end_s", "end_ms", "end_iso", "now_s",
             "now_ms", "now_iso", "interval_s", "interval_ms"});
  made.address = top.text("address");
  made.auth_help = top.text("auth", true);
  Section request = top.section("request");
  request.known({"method", "path", "query", "headers", "json", "form"});
  made.method = request.word("method", {"GET", "POST"});
  made.path = request.shaped("path", true);
  made.parameters = request.map("query");
  made.headers = request.map("headers");
  made.json_body = request.shaped("json");
  made.form = request.map("form");
  if (!made.json_body.empty() && !made.form.empty())
    request.wrong("form", "a request has one body: json or form");
  names.check(request, "path", made.path);
  names.check(request, "json", made.json_body);
  names.check(request, "query", made.parameters);
  names.check(request, "headers", made.headers);
  names.check(request, "form", made.form);
  Section window = top.section("window");
  window.known({"lag", "interval"});
  made.lag = window.duration("lag", 0s);
  made.interval = window.duration("interval", 1s);
  if (made.interval < 1s) window.wrong("interval", "must be 1s at least");
  read_queries(top, names, made);
  read_answer(top, made);
  return made;
}

tl::unexpected<Error> all_of(spec::Mistakes& mistakes) {
  std::string all;
  for (const spec::Mistake& mistake : mistakes.take())
    all += (all.empty() ? "" : "\n") + mistake.text();
  return fail(Code::invalid, "{}", all);
}

}  // namespace

Result<RecipeData> read_metric_recipe(std::string_view yaml, const std::string& file) {
  spec::Mistakes mistakes(file);
  const std::vector<spec::Document> documents = spec::parse_documents(yaml, mistakes);
  RecipeData made;
  if (mistakes.size() == 0 && documents.size() != 1)
    mistakes.add({1, 1}, "", "a recipe is one YAML document");
  if (mistakes.size() == 0) {
    Section top(mistakes, &documents[0].root, "");
    made.name = top.text("name", true);
    made.summary = top.text("summary", true);
    made.tried = top.text("tried", true);
    const std::size_t before = mistakes.size();
    const bool json = top.word("kind", {"counters", "json"}) == "json";
    // Which keys belong to it is not known then, and all would seem wrong.
    if (mistakes.size() > before) return all_of(mistakes);
    made.parameters = read_parameters(top);
    const Names names(made.parameters);
    if (json) {
      top.known({"kind", "name", "summary", "tried", "parameters", "address", "auth", "request",
                 "window", "queries", "answer"});
      made.json = read_json(top, names);
    } else {
      top.known({"kind", "name", "summary", "tried", "parameters", "requests", "latency",
                 "instance", "renamed", "scrape"});
      made.counters = read_counters(top, names);
    }
  }
  if (mistakes.size() > 0) return all_of(mistakes);
  return made;
}

}  // namespace linnet::recipes
