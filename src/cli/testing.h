// For tests of the commands: a small daemon that speaks docs/api.md over a real unix socket and
// says what a test scripted, and the real program run against it, with pipes or in a terminal.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace linnet::cli::testing {

/// A directory of its own, removed at the end.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  [[nodiscard]] const std::string& path() const { return path_; }
  std::string write(const std::string& name, const std::string& text) const;

 private:
  std::string path_;
};

/// One state of the world: the status document, and what the journal says when it is entered.
struct Frame {
  std::string status;
  std::vector<std::string> journal;
};

/// What an intent leads to. Frames are entered one by one, as the client waits for the journal.
struct Outcome {
  std::string state = "accepted";
  std::string code;
  std::string text;
  std::string rollout = "shop-1";
  std::vector<Frame> frames;
  bool dies_after = false;  // once the last frame was seen
};

struct Asked {
  std::string method;
  std::string target;
  std::string body;
};

class FakeDaemon {
 public:
  /// Listens at `directory`/linnet.sock with this status.
  FakeDaemon(const std::string& directory, std::string status);
  ~FakeDaemon();

  void on(const std::string& kind, Outcome outcome);
  /// Fixed answers for other paths, by how the target begins; several are given one after another,
  /// the last again and again.
  void answer(const std::string& target, std::vector<std::string> bodies, int http_status = 200);
  /// What sending a spec is answered with.
  void answer_put(int http_status, std::string body);
  /// All requests so far.
  std::vector<Asked> asked();
  /// The bodies of the intents so far.
  std::vector<std::string> intents();
  void die();

 private:
  struct Canned {
    int http_status;
    std::deque<std::string> bodies;
  };

  void serve();
  void serve_one(int fd);
  std::pair<int, std::string> respond(const Asked& request);
  std::string respond_journal(const std::string& target);
  std::string post_intent(const std::string& body);
  bool next_frame();

  std::mutex mutex_;
  std::string status_;
  std::pair<int, std::string> put_{200, R"({"release":"shop","changed":false})"};
  std::map<std::string, Outcome> outcomes_;
  std::map<std::string, Canned> canned_;
  std::vector<Asked> asked_;
  std::vector<std::string> journal_;
  std::vector<Outcome> answered_;
  std::deque<Frame> frames_;
  bool dies_ = false;
  int listener_ = -1;
  int stop_[2] = {-1, -1};
  std::string socket_;
  std::thread thread_;
};

/// A status document of release shop. `more` replaces or adds members: R"("phase":"idle")".
std::string status_json(const std::string& phase, double weight = 0, const std::string& reason = "",
                        const std::string& checks = "[]", const std::string& rollout = "shop-1");

struct Ran {
  int code = -1;
  std::string out;  // in a terminal: both streams
  std::string err;
};

/// The program with an environment of its own, in the scratch directory.
class Program {
 public:
  explicit Program(const Scratch& scratch);
  Ran run(std::vector<std::string> words);
  /// In a terminal of 100 columns. `act` is called with all text so far whenever there is more;
  /// what it returns is typed. So is what `also` returns, which is asked all the time.
  Ran run_in_terminal(
      std::vector<std::string> words, const std::function<std::string(const std::string&)>& act,
      const std::function<std::string()>& also = [] { return ""; });
  /// Sends `signal` once `asked` says so.
  Ran run_and_signal(std::vector<std::string> words, int signal, const std::function<bool()>& when);
  std::map<std::string, std::string> environment;
  std::string executable;  // the program, unless a test names a launcher

 private:
  std::string directory_;
};

inline constexpr const char* shop_spec =
    "apiVersion: linnet.dev/v1alpha1\nkind: Release\nmetadata: { name: shop }\nspec:\n"
    "  version: v1.0.0\n  workload:\n    process:\n      command: [\"/bin/{{version}}\", "
    "\"{{port}}\"]\n";

}  // namespace linnet::cli::testing
