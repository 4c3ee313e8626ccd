#include "recipes/cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "recipes/form.h"
#include "recipes/patch.h"

namespace linnet::recipes {
namespace {

using spec::Node;

struct Case {
  std::string name;
  Parameters with;
  std::vector<Seen> given;
  // "25%", "25% taken back", "nothing", "differ: words", "conflict: words"; empty: not asked
  std::string reads;
  std::string waits;           // the words of what the router has not done yet
  std::string set;             // "5%", "0% taken back", "create", "remove"
  std::string refused;         // the words of the error that set must give
  std::optional<Json> writes;  // what set must write
  bool every_weight = true;
};

const char* kind_word(Write::Kind kind) {
  switch (kind) {
    case Write::Kind::create: return "create";
    case Write::Kind::json_patch: return "json_patch";
    case Write::Kind::merge_patch: return "merge_patch";
    case Write::Kind::remove: return "remove";
  }
  return "";
}

Json document(const std::vector<Write>& writes) {
  boost::json::array out;
  for (const Write& write : writes) {
    boost::json::object one;
    one["object"] = write.object.kind + "/" + write.object.name;
    one[kind_word(write.kind)] = write.body;
    out.emplace_back(std::move(one));
  }
  return out;
}

std::string weight_words(const Result<WeightRead>& read) {
  if (read && !read->differ.empty()) return "differ: " + read->differ;
  if (read) return read->weight.text() + (read->taken_back ? " taken back" : "");
  if (read.error().code == Code::not_found) return "nothing";
  return fmt::format("{}: {}", code_name(read.error().code), read.error().message);
}

std::string without_spaces(std::string text) {
  std::erase(text, ' ');
  return text;
}

Result<Percent> percent_of(const std::string& words) {
  return Percent::parse(words.substr(0, words.find('%') + 1));
}

class CaseReader {
 public:
  CaseReader(const RouterRecipe& recipe, spec::Mistakes& mistakes)
      : recipe_(recipe), mistakes_(mistakes) {}

  std::vector<Case> read(const Node& root) {
    Form form(root, "", mistakes_, {"with", "given", "cases"});
    const Parameters with = parameters(form);
    const Json given = form.find("given") ? to_json(*form.find("given")) : Json();
    std::vector<Case> out;
    const Node* list = form.need("cases");
    if (list == nullptr) return out;
    if (list->kind != Node::Kind::list) form.wrong(list->place, "cases", "must be a list");
    for (std::size_t i = 0; list->kind == Node::Kind::list && i < list->items.size(); ++i) {
      Form one(list->items[i], fmt::format("cases[{}]", i), mistakes_,
               {"case", "with", "given", "reads", "waits", "set", "refused", "writes", "every"});
      Case read;
      read.name = one.needed_text("case");
      read.with = with;
      for (auto& [name, values] : parameters(one)) read.with[name] = values;
      read.with.try_emplace("namespace", std::vector<std::string>{"shop"});
      read.with.try_emplace("release", std::vector<std::string>{"shop"});
      read.given = objects(one, read.with, one.find("given") ? to_json(*one.find("given")) : given);
      read.reads = one.text("reads");
      read.waits = one.text("waits");
      read.set = one.text("set");
      read.refused = one.text("refused");
      read.every_weight = one.text("every") != "false";
      if (const Node* writes = one.find("writes")) read.writes = to_json(*writes);
      out.push_back(std::move(read));
    }
    return out;
  }

 private:
  static Parameters parameters(Form& form) {
    Parameters out;
    Form with = form.below("with", {});
    for (const auto& [key, value] : with.entries()) out[key->text] = with.texts(key->text);
    return out;
  }

  std::vector<Seen> objects(Form& form, const Parameters& with, const Json& given) {
    std::vector<Seen> out;
    auto names = recipe_.objects(with);
    if (!names) {
      form.wrong(form.place("with"), "with", names.error().message);
      return out;
    }
    for (const ObjectName& name : *names) out.push_back({name, nullptr});
    const auto* list = given.if_array();
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
      const auto fits = [&](const Seen& seen) {
        return text_at((*list)[i], {"kind"}) == seen.name.kind &&
               text_at((*list)[i], {"apiVersion"}) == seen.name.api_version &&
               text_at((*list)[i], {"metadata", "name"}) == seen.name.name;
      };
      const auto seen = std::find_if(out.begin(), out.end(), fits);
      if (seen == out.end())
        form.wrong(form.place("given"), "given",
                   fmt::format("object {} is not one that the recipe reads", i + 1));
      else
        seen->object = (*list)[i];
    }
    return out;
  }

  const RouterRecipe& recipe_;
  spec::Mistakes& mistakes_;
};

void check_reading(const RouterRecipe& recipe, const Case& one, std::vector<std::string>& wrong) {
  const auto read = recipe.weight(one.with, one.given);
  const std::string words = weight_words(read);
  const std::size_t colon = one.reads.find(": ");
  const bool fits = colon == std::string::npos
                        ? without_spaces(words) == without_spaces(one.reads)
                        : words.starts_with(one.reads.substr(0, colon)) &&
                              words.find(one.reads.substr(colon + 2), colon) != std::string::npos;
  if (!one.reads.empty() && !fits)
    wrong.push_back(fmt::format("reads {} where {} was expected", words, one.reads));
  if (!read || !read->differ.empty()) return;
  if (read->accepted != one.waits.empty() || read->waits_for.find(one.waits) == std::string::npos)
    wrong.push_back(
        fmt::format("waits for '{}' where '{}' was expected", read->waits_for, one.waits));
}

Result<std::vector<Write>> written(const RouterRecipe& recipe, const Case& one) {
  if (one.set == "create") return recipe.create(one.with, one.given);
  if (one.set == "remove") return recipe.remove(one.with, one.given);
  TRY(weight, percent_of(one.set));
  return recipe.set_weight(one.with, one.given, weight, one.set.ends_with("taken back"));
}

void check_writing(const RouterRecipe& recipe, const Case& one, std::vector<std::string>& wrong) {
  if (one.set.empty()) return;
  const auto writes = written(recipe, one);
  if (!writes || !one.refused.empty()) {
    const std::string words = writes ? "no error" : writes.error().message;
    if (one.refused.empty() || words.find(one.refused) == std::string::npos)
      wrong.push_back(fmt::format("setting {}: {}", one.set, words));
    return;
  }
  if (one.writes && document(*writes) != *one.writes)
    wrong.push_back(
        fmt::format("setting {} writes {}", one.set, boost::json::serialize(document(*writes))));
  const auto after = after_writes(one.given, *writes);
  if (!after) {
    wrong.push_back(fmt::format("after setting {}: {}", one.set, after.error().message));
    return;
  }
  const std::string now = without_spaces(weight_words(recipe.weight(one.with, *after)));
  const std::string expected = one.set == "create"   ? "0%"
                               : one.set == "remove" ? "nothing"
                                                     : without_spaces(one.set);
  // Where nothing splits there may be nothing to write.
  if (now != expected && (!writes->empty() || (one.set != "0%" && one.set != "remove")))
    wrong.push_back(fmt::format("after setting {} it reads {}", one.set, now));
  auto again = one;
  again.given = *after;
  const auto more = written(recipe, again);
  if (!more || !more->empty())
    wrong.push_back(fmt::format("setting {} once more is not without effect", one.set));
}

// From what is given, up and down: each weight that the recipe can carry (or each of every few).
// False: nothing to start from.
bool check_every_weight(const RouterRecipe& recipe, const Case& one, int every,
                        std::vector<std::string>& wrong) {
  if (!one.every_weight || !recipe.weight(one.with, one.given)) return false;
  std::vector<Seen> world = one.given;
  for (int i = 0; i <= 1001 && wrong.empty(); i += every) {
    const Percent weight = Percent::from_ppm(1000 * (i * 617 % 1001));
    if (!recipe.carries(weight)) continue;
    const bool taken_back = weight.is_zero() && i > 0;
    const auto writes = recipe.set_weight(one.with, world, weight, taken_back);
    auto after = writes ? after_writes(world, *writes) : tl::unexpected(writes.error());
    const auto read = after ? recipe.weight(one.with, *after) : tl::unexpected(after.error());
    if (!read || read->weight != weight || read->taken_back != taken_back)
      wrong.push_back(
          fmt::format("{} set and read back gives {}", weight.text(), weight_words(read)));
    else
      world = *std::move(after);
  }
  return true;
}

}  // namespace

Result<std::vector<Seen>> after_writes(std::vector<Seen> seen, const std::vector<Write>& writes) {
  for (const Write& write : writes) {
    const auto at = std::find_if(seen.begin(), seen.end(),
                                 [&](const Seen& one) { return one.name == write.object; });
    if (at == seen.end()) return fail(Code::not_found, "{} is not read", write.object.name);
    TRY(after, apply(write, at->object));
    at->object = after;
  }
  return seen;
}

Result<std::vector<CaseResult>> run_cases(const RouterRecipe& recipe, std::string_view yaml,
                                          const std::string& file) {
  spec::Mistakes mistakes(file);
  std::vector<Case> cases;
  const std::vector<spec::Document> documents = spec::parse_documents(yaml, mistakes);
  if (const Node* document = only_document(documents, mistakes))
    cases = CaseReader(recipe, mistakes).read(*document);
  TRY_VOID(no_mistakes(mistakes));
  std::vector<CaseResult> out;
  bool all_done = false;
  for (const Case& one : cases) {
    CaseResult result{one.name, {}};
    check_reading(recipe, one, result.failures);
    check_writing(recipe, one, result.failures);
    // All of them once a file, a few from each other start.
    if (check_every_weight(recipe, one, all_done ? 77 : 1, result.failures)) all_done = true;
    out.push_back(std::move(result));
  }
  return out;
}

}  // namespace linnet::recipes
