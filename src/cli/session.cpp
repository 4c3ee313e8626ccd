#include "cli/session.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "cli/cluster_daemon.h"
#include "cli/commands.h"
#include "cli/documents.h"
#include "cluster/log_in.h"
#include "cluster/name_lists.h"
#include "cluster/recipe_check.h"
#include "spec/read.h"

namespace linnet::cli {

namespace {

constexpr Duration longest_look = 10s;

// Where a release on a cluster is meant, and which one cannot be told: no daemon of this machine
// may answer in its place.
class NoEngine : public Daemon {
 public:
  explicit NoEngine(Error why) : why_(std::move(why)) {}
  Result<std::string> request(std::string_view, const std::string&, const std::string&) override {
    return fail(why_);
  }
  [[nodiscard]] bool heard() const override { return false; }
  Result<void> start() override { return fail(why_); }
  [[nodiscard]] bool is_shared() const override { return false; }
  [[nodiscard]] std::string address() const override { return "its socket"; }

 private:
  Error why_;
};

bool on_cluster(const core::Release& release) {
  return std::holds_alternative<core::DeploymentsWorkload>(release.workload);
}

}  // namespace

Session::Session(const Command& command, Arguments arguments, Terminal& out, Terminal& err)
    : command_(command), arguments_(std::move(arguments)), out_(out), err_(err) {
  json_ = arguments_.text("--output").value_or("text") == "json";
}

bool Session::interactive() const {
  return out_.is_terminal() && !json_ && ::isatty(STDIN_FILENO) != 0;
}

Interrupt& Session::interrupt() {
  if (!interrupt_) {
    CHECK(daemon_ == nullptr);
    interrupt_.emplace();
  }
  return *interrupt_;
}

Daemon& Session::daemon() {
  if (daemon_ != nullptr) return *daemon_;
  const int signal_fd = interrupt_ ? interrupt_->fd() : -1;
  const Result<ReleaseFile>& file = release_file();
  const bool readable = file.has_value();
  if (readable && on_cluster(file->release))
    daemon_ = cluster_daemon(drive_options(*file), signal_fd,
                             [this](std::string_view text) { note(printable(text)); });
  else if (!readable && names_cluster())
    daemon_ = std::make_unique<NoEngine>(file.error());
  else
    daemon_ = local_daemon(signal_fd);
  return *daemon_;
}

bool Session::spec_is_named() const {
  return arguments_.has("--spec") || std::getenv("LINNET_SPEC") != nullptr;
}

bool Session::names_cluster() const {
  for (const char* option : {"--namespace", "--context", "--kubeconfig"})
    if (arguments_.has(option)) return true;
  // A name that the file lacks is one of its cluster's.
  const auto all = read_release_file(spec_file());
  return all && std::any_of(all->begin(), all->end(), on_cluster);
}

const Result<ReleaseFile>& Session::release_file() {
  if (!file_) file_ = find_release();
  return *file_;
}

Result<ReleaseFile> Session::find_release() const {
  const std::string name = arguments_.text("--release").value_or("");
  Result<ReleaseFile> file = read_release(spec_file(), name);
  // A release that was renamed is still there under its old name, beside a file with the new one.
  const bool lacks_it =
      !name.empty() && arguments_.has("--namespace") && read_release_file(spec_file()).has_value();
  if (file || spec_is_named() || (!lacks_it && file.error().code != Code::not_found) ||
      !names_cluster())
    return file;
  if (name.empty())
    return fail(Code::invalid, "{}, or a release that the cluster has with --release NAME",
                file.error().message);
  cluster::NameQuestion question;
  question.cluster = cluster_choice();
  question.name_space = arguments_.text("--namespace").value_or("");
  question.release = name;
  auto kept = ask_kept(std::move(question));
  if (kept) return kept;
  return fail(std::move(kept).error().while_doing(
      fmt::format("{} the release {}, and asking the cluster for it",
                  lacks_it ? spec_file() + " lacks" : "no " + spec_file() + " here holds", name)));
}

Result<ReleaseFile> Session::ask_kept(cluster::NameQuestion question) const {
  const std::string place = "ConfigMap linnet-" + question.release;
  const std::string name_space = question.name_space;
  TRY(login, cluster::log_in(question.cluster));
  question.login = login;
  TRY(stored, cluster::stored_spec(std::move(question), longest_look));
  spec::ReadSpecs read = spec::read_specs(stored.yaml, place);
  if (!read.mistakes.empty() || read.releases.size() != 1)
    return fail(Code::invalid, "the spec in the {} cannot be used: {}", place,
                read.mistakes.empty() ? "it holds several" : read.mistakes.front().text());
  return ReleaseFile{"",
                     std::move(stored.yaml),
                     std::move(read.releases.front()),
                     std::move(stored.own),
                     std::move(login),
                     name_space};
}

Result<bool> Session::take_kept_spec() {
  TRY(file, release_file());
  cluster::NameQuestion question;
  question.cluster = cluster_choice();
  question.name_space = arguments_.text("--namespace").value_or(file.release.name_space);
  question.release = file.release.name;
  TRY(kept, ask_kept(std::move(question)));
  if (kept.release == file.release) return false;
  note(
      fmt::format("{} differs from the spec that the running rollout began with, which goes on: "
                  "`linnet deploy` after its end takes the new one",
                  file.file));
  file_ = std::move(kept);
  daemon_.reset();  // its engine was made for the other one
  return true;
}

kubernetes::ConfigChoice Session::cluster_choice() const {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value != nullptr ? value : "");
  };
  kubernetes::ConfigChoice choice;
  choice.kubeconfig_flag = arguments_.text("--kubeconfig").value_or("");
  choice.context = arguments_.text("--context").value_or("");
  choice.kubeconfig_env = variable("KUBECONFIG");
  choice.home = variable("HOME");
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    choice.environment.emplace_back(*entry);
  choice.service_host = variable("KUBERNETES_SERVICE_HOST");
  choice.service_port = variable("KUBERNETES_SERVICE_PORT");
  return choice;
}

cluster::DriveOptions Session::drive_options(const ReleaseFile& file) const {
  cluster::DriveOptions options;
  options.release = file.release;
  options.spec_file = file.file;
  options.own = file.own;
  options.own.router = router_beside_or_kept(file);
  options.login = file.login;
  // Where to look, by the flags of the monitor: this run only, the spec stays as it is.
  if (const auto address = arguments_.text("--prometheus")) {
    options.release.metrics.source = "prometheus";
    options.release.metrics.address = *address;
  }
  if (const auto canary = arguments_.text("--deployment"))
    std::get<core::DeploymentsWorkload>(options.release.workload).canary = *canary;
  options.looks_once = command_.name == status_command.name && !arguments_.has("--follow");
  options.name_space = arguments_.text("--namespace").value_or("");
  // A spec that the cluster keeps is of the namespace where it was found, whatever stands in it.
  if (options.name_space.empty()) options.name_space = file.name_space;
  if (options.name_space.empty() && options.spec_file.empty())
    if (const auto config = kubernetes::load_config(cluster_choice()))
      options.name_space = config->name_space;
  // Two jobs of one person may have the same process number, each in a container of its own.
  unsigned some = 0;
  CHECK(::getentropy(&some, sizeof some) == 0);
  options.identity = fmt::format("{} (process {}, {:08x})", who(), ::getpid(), some);
  options.cluster = cluster_choice();
  return options;
}

// A rollback must not fail over a router's recipe whose file is elsewhere: the cluster has its
// text. What begins something refuses instead, or it would be begun with what nobody sees.
std::string Session::router_beside_or_kept(const ReleaseFile& file) const {
  const auto* traffic = std::get_if<core::RecipeTraffic>(&file.release.traffic);
  const bool begins = command_.name == deploy_command.name || command_.name == init_command.name ||
                      command_.name == plan_command.name;
  if (file.file.empty() || traffic == nullptr || begins) return file.own.router;
  const auto found = recipes::find_router(traffic->router, cluster::recipe_folder(file.file));
  if (found || found.error().code != Code::not_found) return {};
  cluster::NameQuestion question;
  question.cluster = cluster_choice();
  question.name_space = arguments_.text("--namespace").value_or(file.release.name_space);
  question.release = file.release.name;
  const auto stored = cluster::stored_spec(std::move(question), longest_look);
  return stored ? stored->own.router : std::string();
}

Result<void> Session::start_daemon() {
  if (!daemon().is_shared()) return daemon().start();
  if (arguments_.has("--no-start"))
    return fail(Code::unavailable,
                "no daemon answers at {}, and --no-start forbids to start one; run `linnet serve`",
                daemon().address());
  note("no daemon answers: starting `linnet serve` in the background");
  return daemon().start();
}

Result<void> Session::reach_daemon() {
  auto answer = daemon().get("/v1/version");
  if (answer) return {};
  if (!daemon().is_shared() || daemon().heard() || answer.error().code != Code::unavailable)
    return fail(std::move(answer).error());
  return start_daemon();
}

std::string Session::spec_file() const {
  return cli::spec_file(arguments_.text("--spec").value_or(""), std::getenv("LINNET_SPEC"));
}

Result<ReleaseFile> Session::send_spec() {
  TRY(file, release_file());
  if (std::holds_alternative<core::ProcessWorkload>(file.release.workload))
    for (const char* option : {"--namespace", "--context", "--kubeconfig"})
      if (arguments_.has(option))
        note(fmt::format("{} is ignored: {} runs as processes on this machine", option,
                         file.release.name));
  TRY_VOID(reach_daemon());
  auto sent = daemon().put("/v1/releases/" + file.release.name, spec_json(file.text, file.file));
  if (!sent) return fail(std::move(sent).error().while_doing("sending the spec"));
  return file;
}

Result<std::string> Session::release_name() {
  if (const auto name = arguments_.text("--release")) return *name;
  const Result<ReleaseFile>& file = release_file();
  if (file) return file->release.name;
  // A name was asked for, or the file is there: guessing would show another release.
  if (spec_is_named() || file.error().code != Code::not_found) return fail(file.error());
  auto list = daemon().get("/v1/releases");
  if (!list) return fail(unanswered(std::move(list).error()));
  TRY(releases, read_statuses(*list));
  if (releases.size() == 1) return std::move(releases.front().release);
  if (releases.empty())
    return fail(Code::not_found, "the daemon has no release yet, and there is no {} here",
                spec_file());
  std::string names;
  for (const StatusDocument& each : releases) names += (names.empty() ? "" : ", ") + each.release;
  return fail(Code::invalid, "the daemon has {} releases ({}); pick one with --release NAME",
              releases.size(), names);
}

Error Session::unanswered(Error error) {
  if (daemon().heard() || !daemon().is_shared() || error.code != Code::unavailable) return error;
  const std::string none = fmt::format("no daemon answers at {}", daemon().address());
  const Result<ReleaseFile>& file = release_file();
  if (file)
    error.message = none +
                    ", so nothing is known now; `linnet serve`, or any command that changes "
                    "something, starts one";
  else
    error.message = fmt::format(
        "{}, and {}. A release on a cluster needs its spec; one on this machine a daemon, which "
        "`linnet serve` starts",
        file.error().message.substr(0, file.error().message.find(":\n")), none);
  // A file that was named and cannot be read is a wrong argument, whoever answers.
  if (!file && spec_is_named()) error.code = file.error().code;
  return error;
}

std::string Session::who() const {
  for (const char* name : {"GITLAB_USER_LOGIN", "GITHUB_ACTOR"})
    if (const char* user = std::getenv(name); user != nullptr && *user != '\0')
      return printable(user).substr(0, 100);
  const passwd* entry = ::getpwuid(::getuid());
  char host[65] = {};
  if (::gethostname(host, sizeof host - 1) != 0) host[0] = '\0';
  const std::string user = entry != nullptr ? entry->pw_name : std::to_string(::getuid());
  return host[0] == '\0' ? user : user + "@" + host;
}

void Session::say(std::string_view text) {
  if (json_) return;
  for (const std::string& line : out_.wrapped(text, 2)) out_.line(line);
}

void Session::note(std::string_view text) {
  out_.end_live();
  err_.line(err_.styled(Style::faint, fmt::format("linnet: {}", text)));
}

int Session::fail_with(const Error& error) {
  out_.end_live();
  if (json_) out_.raw(error_json(code_name(error.code), error.message) + "\n");
  std::string text;  // lines stay lines, all else is made harmless
  for (std::string_view rest = error.message; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    text += (text.empty() ? "" : "\n") + printable(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  err_.line(err_.styled(Style::red, "linnet: ") + text);
  return static_cast<int>(exit_for(error.code));
}

}  // namespace linnet::cli
