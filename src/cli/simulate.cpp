// linnet simulate: what would become of this release with this traffic? The product's own engine in
// a simulated world (src/sim/simulate.h); this is its command line.
#include "sim/simulate.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>

#include "cli/commands.h"
#include "cli/session.h"

namespace linnet::cli {
namespace {

// "3%" of an option.
Result<std::optional<Percent>> percent(const Arguments& arguments, std::string_view option) {
  const std::optional<std::string> text = arguments.text(option);
  if (!text) return std::nullopt;
  auto value = Percent::parse(*text);
  if (!value) return fail(std::move(value).error().while_doing(option));
  return *value;
}

Result<double> whole(const Arguments& arguments, std::string_view option, double low, double high,
                     double fallback) {
  TRY(value, arguments.number(option, low, high));
  if (value && *value != std::floor(*value))
    return fail(Code::invalid, "{} must be a whole number", option);
  return value.value_or(fallback);
}

Result<sim::SimulateOptions> read_options(const Arguments& arguments) {
  sim::SimulateOptions options;
  TRY(errors, percent(arguments, "--canary-error-rate"));
  TRY(slow, percent(arguments, "--canary-slow-share"));
  TRY(stable, percent(arguments, "--stable-error-rate"));
  TRY(per_second, arguments.number("--rps", 0.001, 1e6));
  TRY(seed, whole(arguments, "--seed", 0, 9e15, 1));
  TRY(runs, whole(arguments, "--runs", 1, 1e6, options.runs));
  options.canary_error_rate = errors;
  options.canary_slow_share = slow;
  if (stable) options.stable_error_rate = *stable;
  if (per_second) options.requests_per_second = *per_second;
  options.seed = static_cast<std::uint64_t>(seed);
  options.runs = static_cast<int>(runs);
  return options;
}

Result<void> write_picture(const std::string& file, const std::string& svg) {
  errno = 0;
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << svg;
  out.close();
  if (out) return {};
  return fail(Code::invalid, "writing {}: {}", file, std::strerror(errno != 0 ? errno : EIO));
}

Result<Exit> run_simulate(Session& session) {
  const Arguments& arguments = session.arguments();
  TRY(options, read_options(arguments));
  TRY(chosen, read_release(session.spec_file(), arguments.text("--release").value_or("")));
  TRY(simulation, sim::simulate(chosen.release, options));
  const sim::SimulateReport report = sim::report(simulation);
  const std::optional<std::string> picture = arguments.text("--svg");
  if (picture) TRY_VOID(write_picture(*picture, report.svg));
  session.out().raw(session.json() ? report.json + "\n" : report.text);
  if (picture)
    session.say(fmt::format("picture of one run ({}): {}", simulation.pictured, *picture));
  return Exit::done;
}

constexpr Option options[] = {
    {"--canary-error-rate", "PCT", "Of the canary's requests; without, a table of good and bad"},
    {"--canary-slow-share", "PCT", "Of the canary's requests: above the latency limit; 0%"},
    {"--stable-error-rate", "PCT", "Of stable's requests, and of a good canary's; 0.1%"},
    {"--rps", "N", "Requests per second, both tracks together; 40"},
    {"--seed", "N", "The same seed gives the same answer; 1"},
    {"--runs", "N", "Rollouts per kind of canary; 200"},
    {"--svg", "FILE", "Picture of one run: weight, rates and evidence over time"},
};

}  // namespace

constexpr Command simulate_command{
    .name = "simulate",
    .summary = "What would become of a release, before going live",
    .description =
        "Runs linnet's own engine over this spec many times, on simulated time and traffic, and "
        "says for each kind of canary how often it would pass, be taken back or hold, how soon "
        "that "
        "is decided, and how many requests it would harm until then. Change steps and limits in "
        "the "
        "spec and look again. Windows, freezes and gauges of memory and CPU are left out. Needs no "
        "daemon. Exit code 2 when the spec or an option is wrong.",
    .examples =
        "linnet simulate -f linnet.yaml                # good and bad canaries at 40 requests/s\n"
        "linnet simulate --rps 5                       # is that enough traffic for these steps?\n"
        "linnet simulate --canary-error-rate 3% --rps 40 --seed 7 --runs 1000\n"
        "linnet simulate --canary-error-rate 10% --svg run.svg   # one run as a picture\n"
        "linnet simulate -o json                       # for programs\n",
    .options = options,
    .run = run_simulate,
};

}  // namespace linnet::cli
