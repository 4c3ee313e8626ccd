// linnet doctor: what is wrong, why, and what to do about it.
#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/session.h"
#include "net/http.h"

namespace linnet::cli {
namespace {

void print(Session& session, const FindingDocument& finding) {
  Terminal& out = session.out();
  out.line(fmt::format(
      "{}  {}{}{}", finding.ok ? out.styled(Style::green, "ok  ") : out.styled(Style::red, "FAIL"),
      printable(finding.check), finding.cause.empty() ? "" : ": ", printable(finding.cause)));
  if (!finding.ok && !finding.remedy.empty()) out.line("      -> " + printable(finding.remedy));
}

// What helps when nothing could be asked of the cluster.
std::string remedy_for(const Error& error) {
  switch (error.code) {
    case Code::unavailable:
    case Code::timed_out:
      return "is the API server up, and can it be reached from here? `kubectl cluster-info` tells, "
             "with the same --context and --kubeconfig";
    case Code::denied:
      return "the credentials ran out, are of another cluster, or lack rights: log in anew, or "
             "choose others with --context or --kubeconfig (`kubectl auth whoami`); `linnet rbac` "
             "prints the role";
    default:
      return "correct what it names: the kubeconfig (--kubeconfig, $KUBECONFIG, ~/.kube/config; "
             "`kubectl config get-contexts`) or the spec (`linnet validate`)";
  }
}

// What can be said before there is anybody to ask.
std::vector<FindingDocument> own_findings(Session& session) {
  std::vector<FindingDocument> findings;
  const std::string file = session.spec_file();
  auto releases = read_release_file(file);
  if (releases) {
    findings.push_back({"spec", true, file + " is valid", ""});
  } else if (!session.arguments().has("--release")) {
    findings.push_back({"spec", false, releases.error().message,
                        "correct it; `linnet validate` shows all mistakes, `linnet spec "
                        "--defaults` what may stand there"});
  }
  const auto version = session.daemon().get("/v1/version");
  const bool shared = session.daemon().is_shared();
  if (!version && shared)
    findings.push_back(
        {"daemon", false, version.error().message,
         "run `linnet serve`, or any command that changes something: it starts one"});
  else if (!version)
    findings.push_back({"cluster", false, version.error().message, remedy_for(version.error())});
  else if (shared)
    findings.push_back({"daemon", true, "answers at " + session.daemon().address(), ""});
  else
    findings.push_back({"daemon", true, "none is needed: this command runs an engine", ""});
  return findings;
}

std::string finding_json(const FindingDocument& finding) {
  return fmt::format(R"({{"check":{},"ok":{},"cause":{},"remedy":{}}})", quoted_json(finding.check),
                     finding.ok, quoted_json(finding.cause), quoted_json(finding.remedy));
}

Result<Exit> run_doctor(Session& session) {
  std::vector<FindingDocument> findings = own_findings(session);
  if (findings.back().ok) {
    auto release = session.release_name();
    auto text =
        release ? session.daemon().get("/v1/releases/" + net::percent_encode(*release) + "/doctor")
                : Result<std::string>(tl::unexpect, release.error());
    auto more = text ? read_findings(*text)
                     : Result<std::vector<FindingDocument>>(tl::unexpect, text.error());
    if (more) {
      findings.insert(findings.end(), more->begin(), more->end());
    } else {
      const Error& error = more.error();
      const bool unknown = error.code == Code::not_found && session.daemon().heard();
      if (session.daemon().is_shared() || unknown)
        findings.push_back(
            {"release", false, error.message, unknown ? "`linnet init` begins with one" : ""});
      else
        findings.push_back({"cluster", false, error.message,
                            error.code == Code::invalid ? "" : remedy_for(error)});
    }
  }
  bool well = true;
  std::string document;
  for (const FindingDocument& finding : findings) {
    well = well && finding.ok;
    document += (document.empty() ? "[" : ",") + finding_json(finding);
    if (!session.json()) print(session, finding);
  }
  if (session.json()) session.out().raw(document + "]\n");
  return well ? Exit::done : Exit::failed;
}

}  // namespace

constexpr Command doctor_command{
    .name = "doctor",
    .summary = "Find out what is wrong, and what to do",
    .description =
        "Checks the spec, the daemon, the instances, the router and the metrics; for each trouble "
        "it names the cause and the remedy. Exit code 1 when something is wrong.",
    .examples = "linnet doctor\n",
    .run = run_doctor,
};

}  // namespace linnet::cli
