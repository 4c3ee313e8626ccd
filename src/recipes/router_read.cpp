// The YAML of a router's recipe, checked as a whole: docs/adding-a-router.md explains each key.
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "recipes/router_recipe.h"
#include "spec/formats.h"

namespace linnet::recipes {
namespace {

using spec::Node;

// As Kubernetes guesses it (apimachinery meta.UnsafeGuessKindToResource).
std::string guess_plural(std::string kind) {
  for (char& c : kind)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (kind.ends_with('s')) return kind + "es";
  if (kind.ends_with('y')) return kind.substr(0, kind.size() - 1) + "ies";
  return kind + "s";
}

// Without what stands in {{...}}, which is the user's.
std::string literal(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = text.find("{{", at);
    out += text.substr(at, open == std::string::npos ? open : open - at);
    const std::size_t close = open == std::string::npos ? open : text.find("}}", open);
    at = close == std::string::npos ? text.size() : close + 2;
  }
  return out;
}

bool holds_only(const std::string& text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.find(c) != std::string_view::npos;
  });
}

bool same_text(const Path& a, const Path& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Segment& x, const Segment& y) { return x.text == y.text; });
}

class RecipeReader {
 public:
  RecipeReader(RouterRecipe::Recipe& out, Form& form) : out_(out), form_(form) {}

  void read() {
    out_.name = form_.needed_text("name");
    if (!out_.name.empty() && spec::recipe_name.problem(out_.name))
      form_.wrong(form_.place("name"), "name",
                  fmt::format("must be {}", spec::recipe_name.expects));
    out_.summary = form_.needed_text("summary");
    out_.tried = form_.text("tried");
    if (const std::string settles = form_.text("settles"); !settles.empty()) {
      auto time = parse_duration(settles);
      if (!time) form_.wrong(form_.place("settles"), "settles", time.error().message);
      out_.settles = time.value_or(Duration{});
    }
    out_.parameters = read_parameters(form_);
    read_object();
    read_weight();
    out_.fixed = read_fixed(form_, "fixed");
    read_accepted();
    read_clone();
  }

 private:
  void read_object() {
    form_.need("object");
    Form object = form_.below("object", {"api", "kind", "plural", "name"});
    if (!object.there()) return;
    out_.api = checked(object, "api", object.needed_text("api"));
    out_.kind = checked(object, "kind", object.needed_text("kind"));
    out_.plural = checked(object, "plural", object.text("plural"));
    out_.object = checked(object, "name", object.needed_text("name"));
    // They become part of a URL, and of every message.
    const std::string api = literal(out_.api);
    if (!holds_only(api, ".-/") || std::count(api.begin(), api.end(), '/') > 1)
      object.wrong(object.place("api"), "api", "must be VERSION or GROUP/VERSION, like apps/v1");
    if (!holds_only(literal(out_.kind), ""))
      object.wrong(object.place("kind"), "kind", "must be a kind, like HTTPRoute");
    if (!holds_only(literal(out_.plural), ""))
      object.wrong(object.place("plural"), "plural", "must be a plural, like httproutes");
  }

  void read_weight() {
    form_.need("weight");
    Form weight =
        form_.below("weight", {"canary", "stable", "as", "absent", "total", "total_at", "zero"});
    if (!weight.there()) return;
    WeightForm& out = out_.weight;
    (void)weight.needed_text("canary");
    out.canary = checked(weight, "canary", weight.path("canary"));
    out.stable = checked(weight, "stable", weight.path("stable"));
    out.total_at = checked(weight, "total_at", weight.path("total_at"));
    if (!out.canary.empty() && same_text(out.canary, out.stable))
      weight.wrong(weight.place("stable"), "stable",
                   "is the canary's path: one number cannot be both weights");
    read_as(weight);
    out.absent = number(weight, "absent", weight.text("absent"), 0);
    if (weight.find("total") != nullptr) out.totals.clear();
    for (const std::string& text : weight.texts("total"))
      out.totals.push_back(number(weight, "total", text, 1));
    if (out.totals.empty()) out.totals = {100};
    const std::string zero = weight.text("zero");
    if (!zero.empty() && zero != "write" && zero != "remove")
      weight.wrong(weight.place("zero"), "zero", "must be write or remove");
    out.zero_removes = zero == "remove";
    if (!out.total_at.empty() && !out.stable.empty())
      weight.wrong(weight.place("total_at"), "total_at",
                   "has no meaning beside 'stable': the two weights are their own total");
    const auto same = [](const Segment& a, const Segment& b) { return a.text == b.text; };
    if (!out.stable.empty())
      out.common =
          static_cast<std::size_t>(std::mismatch(out.canary.begin(), out.canary.end(),
                                                 out.stable.begin(), out.stable.end(), same)
                                       .first -
                                   out.canary.begin());
    if (out.zero_removes && entry_segment(out.canary) == out.canary.size())
      weight.wrong(weight.place("zero"), "zero",
                   "remove needs a path to the canary's entry of a list, like [name=...]");
    const bool by_names = std::all_of(
        out.canary.begin() + long(std::min(entry_segment(out.canary) + 1, out.canary.size())),
        out.canary.end(), [](const Segment& one) { return one.kind == Segment::Kind::member; });
    if (out.zero_removes && !by_names)
      weight.wrong(weight.place("zero"), "zero",
                   "remove needs a path that goes on by names from the canary's entry");
  }

  void read_as(Form& weight) {
    std::string& as = out_.weight.as;
    as = weight.text("as");
    std::vector<std::string> others;
    int weights = 0, rests = 0;
    for (std::string& name : placeholders(as)) {
      if (name == "weight")
        ++weights;
      else if (name == "rest")
        ++rests;
      else
        others.push_back(std::move(name));
    }
    if (!as.empty() && (weights != 1 || rests > 1))
      weight.wrong(weight.place("as"), "as",
                   "must hold {{weight}} once, and {{rest}} at most once");
    check(weight, "as", others);
  }

  std::int64_t number(Form& form, std::string_view key, const std::string& text,
                      std::int64_t lowest) {
    std::int64_t value = lowest;
    if (text.empty()) return value;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < lowest ||
        value > 1'000'000)
      form.wrong(form.place(key), key,
                 fmt::format("must be whole numbers from {} to 1000000", lowest));
    return value;
  }

  std::vector<Fixed> read_fixed(Form& form, std::string_view key) {
    std::vector<Fixed> out;
    Form all = form.below(key, {});
    for (const auto& [path, value] : all.entries()) {
      Fixed fixed{checked(all, path->text, all.path_of(*path, path->text)), to_json(*value)};
      if (value->kind == Node::Kind::scalar)
        check(all, path->text, placeholders(value->text));
      else
        all.wrong(value->place, path->text, "must be one value");
      out.push_back(std::move(fixed));
    }
    return out;
  }

  void read_accepted() {
    Form accepted = form_.below("accepted", {"conditions", "needs", "zero_needs", "refuses"});
    if (!accepted.there()) return;
    accepted.need("conditions");
    out_.accepted.conditions = checked(accepted, "conditions", accepted.path("conditions"));
    out_.accepted.needs = accepted.texts("needs");
    out_.accepted.zero_needs = accepted.texts("zero_needs");
    out_.accepted.refuses = accepted.texts("refuses");
    if (out_.accepted.needs.empty())
      accepted.wrong(accepted.place("needs"), "needs", "must name a condition, like [Accepted]");
  }

  void read_clone() {
    Form clone = form_.below("clone", {"of", "only", "set", "drop"});
    if (!clone.there()) return;
    CloneForm& out = out_.clone;
    out.of = checked(clone, "of", clone.needed_text("of"));
    out.only = checked(clone, "only", clone.path("only"));
    out.set = read_fixed(clone, "set");
    if (const Node* drop = clone.find("drop"); drop != nullptr && drop->kind == Node::Kind::list)
      for (const Node& item : drop->items)
        out.drop.push_back(checked(clone, "drop", clone.path_of(item, "drop")));
    else if (drop != nullptr)
      clone.wrong(drop->place, "drop", "must be a list of paths");
  }

  // Texts may not be built from a parameter that can be absent; conditions in [...] may.
  void check(Form& form, std::string_view key, const std::vector<std::string>& names) {
    check_placeholders(names, out_.parameters, form, key);
    for (const Parameter& parameter : out_.parameters)
      if (parameter.optional &&
          std::find(names.begin(), names.end(), parameter.name) != names.end())
        form.wrong(form.place(key), key,
                   fmt::format("'{}' is optional: it can stand only in [key={{{{{}}}}}]",
                               parameter.name, parameter.name));
  }

  std::string checked(Form& form, std::string_view key, std::string text) {
    check(form, key, placeholders(text));
    return text;
  }

  Path checked(Form& form, std::string_view key, Path path) {
    check_placeholders(placeholders(path), out_.parameters, form, key);
    for (const Segment& segment : path) check(form, key, placeholders(segment.name));
    return path;
  }

  RouterRecipe::Recipe& out_;
  Form& form_;
};

}  // namespace

Result<RouterRecipe> RouterRecipe::read(std::string_view yaml, const std::string& file) {
  spec::Mistakes mistakes(file);
  auto recipe = std::make_shared<Recipe>();
  const std::vector<spec::Document> documents = spec::parse_documents(yaml, mistakes);
  if (const Node* document = only_document(documents, mistakes)) {
    Form form(*document, "", mistakes,
              {"name", "summary", "tried", "settles", "parameters", "object", "weight", "fixed",
               "accepted", "clone"});
    RecipeReader(*recipe, form).read();
  }
  TRY_VOID(no_mistakes(mistakes));
  RouterRecipe out;
  out.recipe_ = std::move(recipe);
  return out;
}

const std::string& RouterRecipe::name() const { return recipe_->name; }
const std::string& RouterRecipe::summary() const { return recipe_->summary; }
const std::string& RouterRecipe::tried() const { return recipe_->tried; }
Duration RouterRecipe::settles() const { return recipe_->settles; }

Percent RouterRecipe::smallest_step() const {
  const std::vector<std::int64_t>& totals = recipe_->weight.totals;
  const std::int64_t finest = *std::max_element(totals.begin(), totals.end());
  // Nobody asks for less than 0.1 %.
  return Percent::from_ppm(
      std::max(1000, static_cast<std::int32_t>((1'000'000 + finest - 1) / finest)));
}

bool RouterRecipe::carries(Percent weight) const {
  const std::vector<std::int64_t>& totals = recipe_->weight.totals;
  return std::any_of(totals.begin(), totals.end(),
                     [&](std::int64_t total) { return weight.ppm() * total % 1'000'000 == 0; });
}

std::vector<RouterRecipe::ParameterHelp> RouterRecipe::parameters() const {
  std::vector<ParameterHelp> out;
  for (const Parameter& parameter : recipe_->parameters)
    out.push_back({parameter.name, parameter.help, parameter.list,
                   !parameter.optional && parameter.otherwise.empty(), parameter.otherwise,
                   parameter.words});
  return out;
}

Parameters RouterRecipe::with_defaults(const Parameters& with) const {
  return values_of(recipe_->parameters, with);
}

std::vector<ObjectName> RouterRecipe::Recipe::names(const Values& values,
                                                    const std::string& of) const {
  std::size_t count = 1;
  for (const std::string& used : placeholders(of))
    if (const auto found = values.find(used); found != values.end())
      count = std::max(count, found->second.size());
  std::vector<ObjectName> out;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string one = fill(kind, values, i);
    out.push_back({fill(api, values, i), one,
                   plural.empty() ? guess_plural(one) : fill(plural, values, i),
                   fill("{{namespace}}", values, 0), fill(of, values, i)});
  }
  return out;
}

Result<void> RouterRecipe::check(const Parameters& with) const {
  TRY_VOID(check_parameters(recipe_->parameters, with));
  if (!with.contains("namespace")) return fail(Code::invalid, "namespace is missing");
  const Values values = values_of(recipe_->parameters, with);
  const std::vector<ObjectName> names = recipe_->names(values, recipe_->object);
  for (std::size_t i = 0; i < names.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (names[i] == names[j]) return fail(Code::invalid, "{} is named twice", names[i].name);
  if (recipe_->clone.of.empty()) return {};
  const std::vector<ObjectName> mains = recipe_->names(values, recipe_->clone.of);
  if (names.size() != mains.size())
    return fail(Code::invalid, "{} must name one object for each of {}: {} and {} are given",
                recipe_->object, recipe_->clone.of, names.size(), mains.size());
  for (const ObjectName& main : mains)
    if (std::find(names.begin(), names.end(), main) != names.end())
      return fail(Code::invalid, "{} cannot be both stable's and the canary's", main.name);
  return {};
}

Result<std::vector<ObjectName>> RouterRecipe::carriers(const Parameters& with) const {
  TRY_VOID(check(with));
  return recipe_->names(values_of(recipe_->parameters, with), recipe_->object);
}

Result<std::vector<ObjectName>> RouterRecipe::objects(const Parameters& with) const {
  TRY(names, carriers(with));
  const Values values = values_of(recipe_->parameters, with);
  if (recipe_->clone.of.empty()) return names;
  for (ObjectName& name : recipe_->names(values, recipe_->clone.of))
    if (std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(std::move(name));
  return names;
}

}  // namespace linnet::recipes
