// linnet recipes: which routers and metrics are known as data, what one says, and whether one that
// a user wrote is right.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <sstream>

#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cluster/recipe_check.h"
#include "recipes/cases.h"
#include "recipes/library.h"

namespace linnet::cli {
namespace {

namespace fs = std::filesystem;
using boost::json::array;
using boost::json::object;

constexpr std::size_t max_file = 1 << 20;

object parameter_document(const std::string& name, const std::string& help, bool required) {
  object out;
  out["name"] = name;
  out["help"] = help;
  out["required"] = required;
  return out;
}

object document(const recipes::RouterRecipe& recipe) {
  object out;
  out["kind"] = "router";
  out["name"] = recipe.name();
  out["summary"] = recipe.summary();
  out["tried"] = recipe.tried();
  out["smallest_step"] = recipe.smallest_step().value();
  out["settles_ms"] = recipe.settles().count();
  array parameters;
  for (const auto& parameter : recipe.parameters())
    parameters.emplace_back(parameter_document(parameter.name, parameter.help, parameter.required));
  out["parameters"] = std::move(parameters);
  return out;
}

object document(const recipes::MetricRecipe& recipe) {
  object out;
  out["kind"] = "metric";
  out["name"] = recipe.name();
  out["summary"] = recipe.summary();
  out["tried"] = recipe.tried();
  array parameters;
  for (const auto& parameter : recipe.parameters())
    parameters.emplace_back(
        parameter_document(parameter.name, parameter.help, !parameter.fallback));
  out["parameters"] = std::move(parameters);
  return out;
}

std::string text_of(const object& from, const char* key) {
  return std::string(from.at(key).as_string());
}

// The user's own, beside the spec: a release would take them before the program's.
std::map<std::string, fs::path> own_files(const fs::path& folder) {
  std::map<std::string, fs::path> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().extension() == ".yaml") out.emplace(entry.path().stem(), entry.path());
  return out;
}

// The built-in recipes and the user's, each with its YAML.
template <class Recipe>
Result<void> gather(const char* kind, const std::map<std::string, std::string>& built_in,
                    const fs::path& folder, array& out) {
  std::map<std::string, std::string> theirs = built_in;
  array own;
  for (const auto& [name, path] : own_files(folder)) {
    auto yaml = read_text_file(path.string(), max_file);
    if (!yaml) return fail(Code::invalid, "{}", yaml.error().message);
    if (const auto same = theirs.find(name); same != theirs.end() && same->second == *yaml)
      continue;  // the source of the program itself
    theirs.erase(name);
    const auto recipe = Recipe::read(*yaml, path.string());
    object one = recipe ? document(*recipe) : object{{"kind", kind}, {"summary", "has mistakes"}};
    one["name"] = name;  // what a spec calls it
    one["yaml"] = *std::move(yaml);
    one["file"] = path.string();
    own.emplace_back(std::move(one));
  }
  for (const auto& [name, yaml] : theirs) {
    TRY(recipe, Recipe::read(yaml, name));
    object one = document(recipe);
    one["yaml"] = yaml;
    out.emplace_back(std::move(one));
  }
  for (auto& one : own) out.emplace_back(std::move(one));
  return {};
}

Result<array> all_recipes(const Session& session) {
  const fs::path folder = cluster::recipe_folder(session.spec_file());
  array all;
  TRY_VOID(gather<recipes::RouterRecipe>("router", recipes::built_in_routers(), folder / "routers",
                                         all));
  TRY_VOID(gather<recipes::MetricRecipe>("metric", recipes::built_in_metrics(), folder / "metrics",
                                         all));
  return all;
}

// "your own" is what a person looks for in a list of two dozen.
std::string summary_of(const object& recipe) {
  if (!recipe.contains("file")) return text_of(recipe, "summary");
  return fmt::format("{} (your own: {})", printable(text_of(recipe, "summary")),
                     printable(text_of(recipe, "file")));
}

Result<Exit> list(Session& session) {
  TRY(all, all_recipes(session));
  Table table({Align::left, Align::left, Align::left});
  for (auto& one : all) {
    object& recipe = one.as_object();
    recipe.erase("yaml");
    table.row({text_of(recipe, "kind"), text_of(recipe, "name"), summary_of(recipe)});
  }
  for (const std::string& line : table.lines()) session.say(line);
  if (session.json())
    session.out().raw(boost::json::serialize(object{{"recipes", std::move(all)}}) + "\n");
  return Exit::done;
}

// "ingress-nginx", or "router/ingress-nginx" when a metric has the same name.
Result<Exit> show(Session& session, const std::string& wanted) {
  TRY(all, all_recipes(session));
  array found;
  std::vector<std::string> names;
  for (const auto& one : all) {
    const object& recipe = one.as_object();
    names.push_back(text_of(recipe, "name"));
    if (wanted != names.back() && wanted != text_of(recipe, "kind") + "/" + names.back()) continue;
    session.say((found.empty() ? "" : "---\n") + text_of(recipe, "yaml"));
    found.push_back(one);
  }
  if (found.empty()) {
    const std::vector<std::string_view> known(names.begin(), names.end());
    const std::string_view near = nearest_word(wanted, known);
    return fail(Code::invalid, "there is no recipe '{}'{}", printable(wanted),
                near.empty() ? "; `linnet recipes list` names them"
                             : fmt::format("; did you mean '{}'?", near));
  }
  if (session.json())
    session.out().raw(boost::json::serialize(object{{"recipes", std::move(found)}}) + "\n");
  return Exit::done;
}

// A router says which object carries the weight; nothing else does.
bool is_router(const std::string& yaml) {
  return yaml.starts_with("object:") || yaml.find("\nobject:") != std::string::npos ||
         yaml.starts_with("weight:") || yaml.find("\nweight:") != std::string::npos;
}

struct Findings {
  std::string kind, name;
  std::vector<std::string> wrong;
  int cases = 0;
};

// A recipe that cannot be read says each mistake in a line of its own.
void add_lines(const std::string& text, std::vector<std::string>& wrong) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) wrong.push_back(std::move(line));
}

// testdata/NAME/*.yaml beside the recipe.
Result<void> run_cases(const recipes::RouterRecipe& recipe, const std::string& file,
                       Findings& findings) {
  const fs::path folder = fs::path(file).parent_path() / "testdata" / recipe.name();
  std::error_code error;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().extension() == ".yaml" || entry.path().extension() == ".json")
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& path : files) {
    TRY(text, read_text_file(path.string(), max_file));
    auto results = recipes::run_cases(recipe, text, path.string());
    if (!results) {
      add_lines(results.error().message, findings.wrong);
      continue;
    }
    for (const recipes::CaseResult& result : *results) {
      ++findings.cases;
      for (const std::string& failure : result.failures)
        findings.wrong.push_back(fmt::format("{}: {}: {}", path.string(), result.name, failure));
    }
  }
  return {};
}

Result<Findings> look_at(const std::string& file) {
  auto text = read_text_file(file, max_file);
  if (!text) return fail(Code::invalid, "{}", text.error().message);
  Findings findings;
  const bool router = is_router(*text);
  findings.kind = router ? "router" : "metric";
  if (router) {
    const auto recipe = recipes::RouterRecipe::read(*text, file);
    if (!recipe) add_lines(recipe.error().message, findings.wrong);
    if (!recipe) return findings;
    // No reason to refuse a release that runs with it, but one who reads it wants to know.
    if (recipe->tried().empty())
      findings.wrong.push_back(
          fmt::format("{}: tried: is missing: say against what it was tried, or 'not run'", file));
    findings.name = recipe->name();
    TRY_VOID(run_cases(*recipe, file, findings));
  } else {
    const auto recipe = recipes::MetricRecipe::read(*text, file);
    if (!recipe) add_lines(recipe.error().message, findings.wrong);
    if (recipe) findings.name = recipe->name();
  }
  return findings;
}

Result<Exit> check(Session& session, const std::string& file) {
  TRY(findings, look_at(file));
  const bool valid = findings.wrong.empty();
  for (const std::string& mistake : findings.wrong) session.say(printable(mistake));
  if (valid)
    session.say(fmt::format("{}: valid {} {}, {}", printable(file), findings.kind, findings.name,
                            findings.kind == "metric" ? "no cases are run for metrics"
                            : findings.cases == 0     ? "no cases beside it (testdata/NAME/*.yaml)"
                                                  : fmt::format("{} cases hold", findings.cases)));
  if (session.json()) {
    array mistakes(findings.wrong.begin(), findings.wrong.end());
    session.out().raw(boost::json::serialize(object{{"valid", valid},
                                                    {"kind", findings.kind},
                                                    {"name", findings.name},
                                                    {"cases", findings.cases},
                                                    {"mistakes", std::move(mistakes)}}) +
                      "\n");
  }
  return valid ? Exit::done : Exit::invalid;
}

Result<Exit> run_recipes(Session& session) {
  const std::string what = session.arguments().text("WHAT").value_or("list");
  const std::string name = session.arguments().text("NAME").value_or("");
  if (what == "list" && !name.empty())
    return fail(Code::invalid, "linnet recipes list takes no name; `linnet recipes show {}`?",
                printable(name));
  if (what == "list") return list(session);
  if (name.empty())
    return fail(Code::invalid, "linnet recipes {} needs {}", what,
                what == "show" ? "the name of a recipe" : "a file");
  return what == "show" ? show(session, name) : check(session, name);
}

constexpr Positional positionals[] = {
    {"WHAT", "list, show or check; list", false, false, "list show check"},
    {"NAME",
     "show: a recipe's name (router/NAME or metric/NAME where both exist); check: a file",
     false,
     false,
     {},
     "recipes"},
};

}  // namespace

constexpr Command recipes_command{
    .name = "recipes",
    .summary = "Routers and metrics known as data; check one of your own",
    .description =
        "list names them, show prints one as YAML with what it was tried against; your own are "
        "those beside the spec: recipes/routers/NAME.yaml, recipes/metrics/NAME.yaml. check reads "
        "a file, names all its mistakes and runs the cases beside it (testdata/NAME/*.yaml). Needs "
        "no daemon and no cluster. Exit code 2 when something is wrong.",
    .examples =
        "linnet recipes list\n"
        "linnet recipes show gateway-api\n"
        "linnet recipes check recipes/routers/mine.yaml\n",
    .positionals = positionals,
    .run = run_recipes,
};

}  // namespace linnet::cli
