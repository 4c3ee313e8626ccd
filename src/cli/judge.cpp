// linnet judge: linnet's evidence over recorded data. The reading and the judging are in src/judge;
// this is its command line.
#include "judge/judge.h"

#include "cli/commands.h"
#include "cli/session.h"

namespace linnet::cli {
namespace {

struct Numbers {
  double limit = 0;
  double alpha = 0.01;
  double beta = 0.01;
  double phi = 1;
  double tolerance = 1;
};

// "5%" as a fraction.
Result<std::optional<double>> fraction(const Arguments& arguments, std::string_view option) {
  const std::optional<std::string> text = arguments.text(option);
  if (!text) return std::nullopt;
  auto percent = Percent::parse(*text);
  if (!percent) return fail(std::move(percent).error().while_doing(option));
  return percent->fraction();
}

Result<Numbers> read_numbers(const Arguments& arguments) {
  TRY(limit, fraction(arguments, "--limit"));
  TRY(alpha, arguments.number("--alpha", 0, 1));
  TRY(beta, arguments.number("--beta", 0, 1));
  TRY(phi, arguments.number("--phi", 1, 1e6));
  TRY(tolerance, arguments.number("--tolerance", 1, 100));
  return Numbers{limit.value_or(0), alpha.value_or(0.01), beta.value_or(0.01), phi.value_or(1),
                 tolerance.value_or(1)};
}

Result<judge::Report> judge_plan(const Arguments& arguments, const Numbers& numbers) {
  TRY(true_rate, fraction(arguments, "--true"));
  TRY(rate, arguments.number("--rate", 0, 1e9));
  TRY(checks, arguments.number("--checks", 1, 32));
  TRY(stages, arguments.number("--stages", 1, 32));
  judge::PlanOptions options;
  options.limit = numbers.limit;
  options.true_rate = true_rate;
  options.rate = rate.value_or(0);
  options.alpha = numbers.alpha;
  options.beta = numbers.beta;
  options.phi = numbers.phi;
  options.checks = static_cast<int>(checks.value_or(1));
  options.stages = static_cast<int>(stages.value_or(1));
  return judge::plan(options);
}

Result<judge::Report> judge_kayenta(const Arguments& arguments) {
  judge::KayentaOptions options;
  for (const auto& [option, place] :
       {std::pair{"--config", &options.config}, std::pair{"--control", &options.control},
        std::pair{"--experiment", &options.experiment}}) {
    const std::optional<std::string> file = arguments.text(option);
    if (!file) return fail(Code::invalid, "linnet judge kayenta needs {} FILE", option);
    *place = *file;
  }
  TRY(pass, arguments.number("--pass", 0, 100));
  TRY(marginal, arguments.number("--marginal", 0, 100));
  options.pass = pass;
  options.marginal = marginal;
  return judge::kayenta(options);
}

Result<judge::Report> judge_file(const Arguments& arguments, const std::string& what,
                                 const Numbers& numbers) {
  const std::string file = arguments.text("DATA").value_or("");
  if (file.empty())
    return fail(Code::invalid, "linnet judge {} needs a CSV file, or - for standard input", what);
  const bool trace = arguments.has("--trace");
  const bool never = arguments.text("--exact") == "never";
  if (what == "threshold")
    return judge::threshold({file, numbers.limit, numbers.alpha, numbers.beta, numbers.phi, trace});
  if (what == "compare")
    return judge::compare({file, numbers.tolerance, numbers.alpha, numbers.phi, never, trace});
  return judge::latency({file, numbers.tolerance, numbers.alpha, numbers.phi, never});
}

Result<Exit> run_judge(Session& session) {
  const Arguments& arguments = session.arguments();
  const std::string what = arguments.text("WHAT").value_or("");
  TRY(numbers, read_numbers(arguments));
  if ((what == "threshold" || what == "plan") && !arguments.has("--limit"))
    return fail(Code::invalid, "linnet judge {} needs --limit, such as --limit 5%", what);
  if (what == "plan" && !arguments.has("--rate"))
    return fail(Code::invalid, "linnet judge plan needs --rate, the canary's requests per second");
  auto report = what == "plan"      ? judge_plan(arguments, numbers)
                : what == "kayenta" ? judge_kayenta(arguments)
                                    : judge_file(arguments, what, numbers);
  if (!report) return fail(std::move(report).error());
  session.out().raw((session.json() ? report->json : report->text) + "\n");
  return static_cast<Exit>(report->exit_code);
}

constexpr Positional positionals[] = {
    {"WHAT", "threshold, compare, latency, plan or kayenta", true, false,
     "threshold compare latency plan kayenta"},
    {"DATA", "a CSV file; - is standard input (not for plan and kayenta)", false},
};
constexpr Option options[] = {
    {"--limit", "PCT", "threshold, plan: the highest share of bad requests, such as 5%"},
    {"--alpha", "P", "Probability of a wrong fail; 0.01"},
    {"--beta", "P", "threshold, plan: probability of a wrong pass; 0.01"},
    {"--phi", "F", "Dispersion of the counts, from 1; 1"},
    {"--trace", "", "threshold, compare: a line for each row as well"},
    {"--tolerance", "R", "compare, latency: odds ratio that is still allowed; 1"},
    {"--exact", "WHEN", "compare, latency: never forces the bound for every window",
     "automatic never"},
    {"--true", "PCT", "plan: the true rate; without it a table over several"},
    {"--rate", "N", "plan: requests per second on the canary"},
    {"--checks", "N", "plan: checks of the rollout; 1"},
    {"--stages", "N", "plan: stages of the rollout; 1"},
    {"--config", "FILE", "kayenta: the canary config"},
    {"--control", "FILE", "kayenta: the metrics of the control"},
    {"--experiment", "FILE", "kayenta: the metrics of the experiment"},
    {"--pass", "SCORE", "kayenta: the score that passes; else the config's, else 75"},
    {"--marginal", "SCORE", "kayenta: the lowest marginal score; else the config's, else 50"},
};

}  // namespace

constexpr Command judge_command{
    .name = "judge",
    .summary = "Judge recorded data as a rollout would",
    .description =
        "The evidence of a rollout over files, to try limits before a release. threshold reads "
        "the columns requests,bad; compare canary_requests,canary_bad,stable_requests,stable_bad; "
        "latency le,canary,stable (cumulative); plan needs no file and says how long a decision "
        "takes; kayenta is Kayenta's judge over its own config. Exit code 1: a limit is violated, "
        "3: no requests.",
    .examples =
        "linnet judge threshold --limit 5% windows.csv\n"
        "linnet judge compare tracks.csv -o json\n"
        "linnet judge plan --limit 5% --rate 5\n"
        "linnet judge kayenta --config c.json --control a.json --experiment b.json\n",
    .positionals = positionals,
    .options = options,
    .run = run_judge,
};

}  // namespace linnet::cli
