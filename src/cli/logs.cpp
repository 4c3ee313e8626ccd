// linnet logs: what the instances wrote. The files are read here; the API only says where they are.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/session.h"
#include "net/http.h"

namespace linnet::cli {
namespace {

constexpr std::size_t tail_bytes = 1 << 20;
constexpr std::size_t longest_line = 1 << 16;
constexpr int usual_lines = 20;

void print_line(Terminal& out, bool json, bool labelled, const std::string& id,
                std::string_view line) {
  if (json)
    out.line(log_line_json(id, printable(line)));
  else
    out.line((labelled ? out.styled(Style::faint, id + "  ") : "") + printable(line));
}

// One log file that may be rotated away under the reader.
class LogFile {
 public:
  /// `id` of the instance stands before each line when it is `labelled`, and in its JSON always.
  LogFile(std::string id, std::string path, bool labelled, bool json)
      : id_(std::move(id)), path_(std::move(path)), labelled_(labelled), json_(json) {}
  ~LogFile() { close(); }
  LogFile(LogFile&& other) = delete;

  /// The last lines of what is there.
  void print_tail(Terminal& out, std::size_t lines) {
    open();
    if (fd_ < 0) return;
    const off_t size = ::lseek(fd_, 0, SEEK_END);
    const off_t from = std::max<off_t>(0, size - static_cast<off_t>(tail_bytes));
    ::lseek(fd_, from, SEEK_SET);
    read_more();
    std::vector<std::string_view> found;
    for (std::string_view rest = pending_; !rest.empty();) {
      const std::size_t end = rest.find('\n');
      found.push_back(rest.substr(0, end));
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
    if (from > 0 && !found.empty()) found.erase(found.begin());  // cut in the middle
    const std::size_t skipped = found.size() > lines ? found.size() - lines : 0;
    for (std::size_t i = skipped; i < found.size(); ++i) print(out, found[i]);
    pending_.clear();
  }

  void print_new(Terminal& out) {
    if (fd_ < 0) open();
    if (fd_ < 0) return;
    read_more();
    print_lines(out);
    struct stat here {
    }, there{};
    if (::fstat(fd_, &here) != 0 || ::stat(path_.c_str(), &there) != 0) return;
    if (here.st_ino == there.st_ino && there.st_size >= ::lseek(fd_, 0, SEEK_CUR)) return;
    close();  // rotated or truncated: from its beginning
    open();
    read_more();
    print_lines(out);
  }

 private:
  void open() { fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  void read_more() {
    char buffer[65536];
    ssize_t count = 0;
    while (pending_.size() < 2 * tail_bytes && (count = ::read(fd_, buffer, sizeof buffer)) > 0)
      pending_.append(buffer, static_cast<std::size_t>(count));
  }

  void print_lines(Terminal& out) {
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = pending_.find('\n', begin)) != std::string::npos;
         begin = end + 1)
      print(out, std::string_view(pending_).substr(begin, end - begin));
    pending_.erase(0, begin);
    if (pending_.size() < longest_line) return;
    print(out, pending_);
    pending_.clear();
  }

  void print(Terminal& out, std::string_view line) const {
    print_line(out, json_, labelled_, id_, line);
  }

  std::string id_;
  std::string path_;
  bool labelled_;
  bool json_;
  int fd_ = -1;
  std::string pending_;  // read, not printed yet
};

// On a cluster the engine of this command has the lines. Pods come and go: each line is labelled.
Result<Exit> follow_pods(Session& session, const std::string& release, const std::string& track,
                         int lines) {
  std::string query = fmt::format("wait=10&lines={}", lines);
  if (!track.empty()) query += "&track=" + track;
  std::int64_t after = 0;
  std::string told;
  for (;;) {
    auto text = session.daemon().get(fmt::format("/v1/releases/{}/logs?{}&after={}",
                                                 net::percent_encode(release), query, after));
    if (!text && session.interrupt().take()) return Exit::interrupted;
    if (!text) return fail(std::move(text).error());
    TRY(logs, read_logs(*text));
    after = logs.next;
    if (logs.lost > 0) session.note(fmt::format("{} lines came too fast and are lost", logs.lost));
    if (std::exchange(told, logs.trouble) != logs.trouble && !logs.trouble.empty())
      session.note(printable(logs.trouble));
    for (const LogLine& each : logs.lines)
      print_line(session.out(), session.json(), true, printable(each.instance), each.line);
  }
}

// Nothing was asked wrongly: there is just nothing that could be read.
Exit nothing_to_show(Session& session, const std::string& release, const std::string& track) {
  const std::string why = fmt::format("{} has no {}instance with a log now", printable(release),
                                      track.empty() ? "" : track + " ");
  if (session.json()) session.out().raw(error_json(code_name(Code::not_found), why) + "\n");
  session.note(why);
  return Exit::no_data;
}

Result<Exit> run_logs(Session& session) {
  const Arguments& arguments = session.arguments();
  TRY(lines, arguments.number("--lines", 0, 100'000));
  if (arguments.has("--follow")) session.interrupt();
  TRY(release, session.release_name());
  if (arguments.has("--follow") && !session.daemon().is_shared())
    return follow_pods(session, release, arguments.text("--track").value_or(""),
                       static_cast<int>(lines.value_or(usual_lines)));
  TRY(text, session.daemon().get("/v1/releases/" + net::percent_encode(release) + "/instances"));
  TRY(instances, read_instances(text));
  const std::string track = arguments.text("--track").value_or("");
  std::map<std::string, std::string> paths;  // several instances may share a file
  for (const InstanceDocument& each : instances)
    if (!each.log.empty() && (track.empty() || each.track == track))
      paths.emplace(each.log, printable(each.id));
  if (paths.empty()) return nothing_to_show(session, release, track);
  std::vector<std::unique_ptr<LogFile>> files;
  for (const auto& [path, id] : paths)
    files.push_back(std::make_unique<LogFile>(id, path, paths.size() > 1, session.json()));
  for (const auto& file : files)
    file->print_tail(session.out(), static_cast<std::size_t>(lines.value_or(usual_lines)));
  if (!arguments.has("--follow")) return Exit::done;
  while (session.interrupt().wait(250ms) != Interrupt::Woken::signal)
    for (const auto& file : files) file->print_new(session.out());
  session.interrupt().take();
  return Exit::interrupted;
}

constexpr Option options[] = {
    {"--track", "TRACK", "stable or canary; both without it", "stable canary"},
    {"--follow", "", "Go on with what is written, until Ctrl-C"},
    {"--lines", "N", "How many of the last lines of each file; 20"},
};

}  // namespace

constexpr Command logs_command{
    .name = "logs",
    .summary = "Show what the instances write",
    .description =
        "The last lines of each instance's log, and with --follow what comes after, on a cluster "
        "also of pods that come later. Exit code 3 when no instance has a log now. As JSON each "
        "line is a document: {\"instance\", \"line\"}.",
    .examples =
        "linnet logs --track canary --lines 50\n"
        "linnet logs --follow\n",
    .options = options,
    .run = run_logs,
};

}  // namespace linnet::cli
