// linnet validate: all mistakes of a spec at once, without a daemon.
#include <algorithm>

#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/session.h"
#include "cluster/recipe_check.h"
#include "spec/read.h"
#include "spec/yaml_tree.h"

namespace linnet::cli {
namespace {

struct Findings {
  std::string releases;  // JSON, comma separated
  std::string mistakes;
  bool valid = true;
};

std::string mistake_json(const spec::Mistake& mistake) {
  return fmt::format(R"({{"file":{},"line":{},"column":{},"key":{},"message":{}}})",
                     quoted_json(mistake.file), mistake.line, mistake.column,
                     quoted_json(mistake.key), quoted_json(mistake.message));
}

// "spec.metrics" of "spec.metrics.with".
std::string_view section(std::string_view key) {
  return key.substr(0, key.find_first_of(".[", key.find('.') + 1));
}

// What the recipes say as well, but for the sections that are wrong already: what was meant there
// is not known yet.
std::vector<spec::Mistake> mistakes_with_recipes(const std::string& text, const std::string& file,
                                                 const spec::ReadSpecs& read) {
  spec::Mistakes seen(file);
  spec::Mistakes found(file);
  const std::vector<spec::Document> documents = spec::parse_documents(text, seen);
  for (std::size_t i = 0; i < std::min(documents.size(), read.drafts.size()); ++i) {
    if (!documents[i].sound) continue;
    for (cluster::RecipeMistake& each : cluster::recipe_mistakes(read.drafts[i], file)) {
      const auto same = [&](const spec::Mistake& one) {
        return section(one.key) == section(each.key);
      };
      if (std::any_of(read.mistakes.begin(), read.mistakes.end(), same)) continue;
      const spec::Place place = spec::place_of(documents[i].root, each.key);
      found.add(place, std::move(each.key), std::move(each.message));
    }
  }
  std::vector<spec::Mistake> all = read.mistakes;
  for (spec::Mistake& each : found.take()) all.push_back(std::move(each));
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.line < b.line; });
  return all;
}

Result<void> check_file(Session& session, const std::string& file, Findings& findings) {
  auto text = read_text_file(file, spec::max_bytes);
  if (!text) return fail(Code::invalid, "{}", text.error().message);
  const spec::ReadSpecs read = spec::read_specs(*text, file);
  const std::vector<spec::Mistake> mistakes = mistakes_with_recipes(*text, file, read);
  for (const spec::Mistake& mistake : mistakes) {
    findings.valid = false;
    findings.mistakes += (findings.mistakes.empty() ? "" : ",") + mistake_json(mistake);
    session.say(mistake.text());
  }
  if (!mistakes.empty()) return {};
  std::string names;
  for (const core::Release& release : read.releases) {
    names += (names.empty() ? "" : ", ") + release.name;
    findings.releases += (findings.releases.empty() ? "" : ",") + quoted_json(release.name);
  }
  session.say(fmt::format("{}: valid ({})", printable(file), names));
  return {};
}

Result<Exit> run_validate(Session& session) {
  std::vector<std::string> files = session.arguments().texts("FILE");
  if (files.empty()) files.push_back(session.spec_file());
  Findings findings;
  for (const std::string& file : files) TRY_VOID(check_file(session, file, findings));
  if (session.json())
    session.out().raw(fmt::format("{{\"valid\":{},\"releases\":[{}],\"mistakes\":[{}]}}\n",
                                  findings.valid, findings.releases, findings.mistakes));
  return findings.valid ? Exit::done : Exit::invalid;
}

constexpr Positional positionals[] = {
    {"FILE", "specs; without one, the usual one; - is standard input", false, true}};

}  // namespace

constexpr Command validate_command{
    .name = "validate",
    .summary = "Check a spec; all mistakes at once",
    .description =
        "Reads specs and prints each mistake as file:line:column: key: message; for a cluster also "
        "what does not fit its router's and metrics' recipes. Needs neither daemon nor cluster. "
        "Exit code 2 when there is one.",
    .examples =
        "linnet validate\n"
        "linnet validate shop.yaml cart.yaml\n",
    .positionals = positionals,
    .run = run_validate,
};

}  // namespace linnet::cli
