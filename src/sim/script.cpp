#include "sim/script.h"

#include <charconv>
#include <sstream>

namespace linnet::sim {
namespace {

using Kind = Action::Kind;

// The words of one line, taken one by one.
class Words {
 public:
  explicit Words(const std::string& line) : line_(line), stream_(line) { next(); }

  [[nodiscard]] bool done() const { return word_.empty(); }
  [[nodiscard]] const std::string& peek() const { return word_; }
  std::string take() {
    std::string taken = std::move(word_);
    next();
    return taken;
  }
  bool take_if(std::string_view expected) {
    if (word_ != expected) return false;
    next();
    return true;
  }
  Result<void> expect(std::string_view expected) {
    if (take_if(expected)) return {};
    return fail(Code::invalid, "'{}' expected at '{}'", expected, word_);
  }
  Result<Duration> duration() {
    std::string text = take();
    if (!text.empty() && text.back() == ':') text.pop_back();
    return parse_duration(text);
  }
  Result<Percent> percent() { return Percent::parse(take()); }
  Result<int> whole() {
    const std::string text = take();
    int value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size())
      return fail(Code::invalid, "a number expected at '{}'", text);
    return value;
  }

 private:
  void next() {
    word_.clear();
    stream_ >> word_;
  }
  std::string line_;
  std::istringstream stream_;
  std::string word_;
};

Result<Port> port_of(const std::string& word) {
  constexpr std::array<std::string_view, port_count> names{
      "read_weight",  "set_weight", "see_instances", "set_instances",
      "read_metrics", "load",       "save",          "read_intents"};
  for (std::size_t i = 0; i < port_count; ++i)
    if (names[i] == word) return static_cast<Port>(i);
  return fail(Code::invalid, "unknown port '{}'; known: {}", word, fmt::join(names, " "));
}

Result<core::Intent::Kind> wish_of(const std::string& word) {
  using Wish = core::Intent::Kind;
  for (const Wish wish : {Wish::init, Wish::deploy, Wish::traffic, Wish::promote, Wish::rollback,
                          Wish::pause, Wish::resume, Wish::cleanup, Wish::interrupt})
    if (core::intent_name(wish) == word) return wish;
  return fail(Code::invalid, "unknown wish '{}'", word);
}

Result<void> read_wish(Words& words, core::Intent& intent) {
  TRY(kind, wish_of(words.take()));
  intent.kind = kind;
  if (kind == core::Intent::Kind::deploy || kind == core::Intent::Kind::init)
    intent.version = words.take();
  if (kind == core::Intent::Kind::traffic) {
    TRY(weight, words.percent());
    intent.weight = weight;
  }
  while (!words.done()) {
    const std::string flag = words.take();
    if (flag == "--promote")
      intent.promote = true;
    else if (flag == "--supersede")
      intent.supersede = true;
    else if (flag == "--hold")
      intent.hold = true;
    else if (flag == "--skip-steps")
      intent.skip_steps = true;
    else if (flag == "--force")
      intent.force = true;
    else
      return fail(Code::invalid, "unknown flag '{}'", flag);
  }
  return {};
}

Result<void> read_length(Words& words, Action& action) {
  TRY_VOID(words.expect("for"));
  TRY(length, words.duration());
  action.length = length;
  return {};
}

// engine dies [before|after call N of PORT] for 5s | engine stalls for 5s
Result<void> read_engine(Words& words, Action& action) {
  if (words.take_if("stalls")) {
    action.kind = Kind::engine_stalls;
    return read_length(words, action);
  }
  TRY_VOID(words.expect("dies"));
  action.kind = Kind::kill;
  if (words.peek() == "before" || words.peek() == "after") {
    action.kind = Kind::kill_at_call;
    action.after = words.take() == "after";
    TRY_VOID(words.expect("call"));
    TRY(count, words.whole());
    action.count = count;
    TRY_VOID(words.expect("of"));
    TRY(port, port_of(words.take()));
    action.port = port;
  }
  return read_length(words, action);
}

Result<void> read_action(Words& words, Action& action) {
  const std::string first = words.take();
  if (first == "engine") return read_engine(words, action);
  if (first == "guardian") {
    action.kind = Kind::guardian;
    return words.expect("fires");
  }
  if (first == "counters") {
    action.kind = Kind::counters_reset;
    return words.expect("reset");
  }
  if (first == "second") {
    action.kind = Kind::second_engine;
    TRY_VOID(words.expect("engine"));
    return read_length(words, action);
  }
  if (first == "reply") {  // reply of call N of PORT is lost
    action.kind = Kind::reply_lost;
    TRY_VOID(words.expect("of"));
    TRY_VOID(words.expect("call"));
    TRY(count, words.whole());
    action.count = count;
    TRY_VOID(words.expect("of"));
    TRY(port, port_of(words.take()));
    action.port = port;
    TRY_VOID(words.expect("is"));
    return words.expect("lost");
  }
  if (first == "lose") {  // lose canary: one of its instances
    action.kind = Kind::delete_pod;
    action.track = words.take() == "stable" ? core::Track::stable : core::Track::canary;
    return {};
  }
  if (first == "outage") {
    action.kind = Kind::outage;
    TRY_VOID(words.expect("of"));
    TRY(port, port_of(words.take()));
    action.port = port;
    return read_length(words, action);
  }
  if (words.take_if("asks")) {
    action.intent.by = first;
    return read_wish(words, action.intent);
  }
  TRY_VOID(words.expect("sets"));
  action.kind = Kind::foreign_weight;
  action.by = first == "someone" ? "" : first;
  TRY(weight, words.percent());
  action.weight = weight;
  return {};
}

Result<void> read_event(Words& words, bool at_time, Case& story) {
  Event event;
  if (!at_time) {
    event.phase = words.take();
    if (words.peek() != "after") {
      TRY(part, words.whole());
      event.part = part - 1;
    }
    TRY_VOID(words.expect("after"));
  }
  TRY(delay, words.duration());
  event.delay = delay;
  TRY_VOID(read_action(words, event.action));
  story.events.push_back(std::move(event));
  return {};
}

Result<void> read_version(Words& words, Case& story) {
  Behaviour behaviour;
  behaviour.version = words.take();
  while (!words.done()) {
    const std::string key = words.take();
    if (key == "never_ready")
      behaviour.never_ready = true;
    else if (key == "crash_loop")
      behaviour.crash_loop = true;
    else if (key == "startup") {
      TRY(startup, words.duration());
      behaviour.startup = startup;
    } else if (key == "errors" || key == "slow") {
      TRY(share, words.percent());
      behaviour.kind = Behaviour::Kind::bad;
      (key == "errors" ? behaviour.error_share : behaviour.slow_share) = share.fraction();
    } else {
      return fail(Code::invalid, "unknown behaviour '{}'", key);
    }
  }
  story.versions.push_back(std::move(behaviour));
  return {};
}

Result<void> read_setting(const std::string& key, Words& words, Case& story) {
  core::Release& release = story.release;
  auto& process = std::get<core::ProcessWorkload>(release.workload);
  if (key == "steps") {
    while (!words.done()) {
      const std::string text = words.take();
      const std::size_t slash = text.find('/');
      TRY(weight, Percent::parse(text.substr(0, slash)));
      TRY(hold, parse_duration(slash == std::string::npos ? "" : text.substr(slash + 1)));
      release.steps.push_back({weight, hold});
    }
    return {};
  }
  if (key == "promotion" || key == "on_failure") {
    const std::string value = words.take();
    if (key == "promotion" && value == "automatic")
      release.promotion = core::Promotion::automatic;
    else if (key == "on_failure" && value == "hold")
      release.on_failure = core::Then::hold;
    else
      return fail(Code::invalid, "unknown value '{}'", value);
    return {};
  }
  if (key == "drain" || key == "until" || key == "router" || key == "no_data") {
    if (key == "router") TRY_VOID(words.expect("within"));
    TRY(length, words.duration());
    if (key == "drain") process.stop.drain = length;
    if (key == "until") story.calm_at = length;
    if (key == "router") story.router.applies_after = length;
    if (key == "no_data") release.no_data.hold = length;
    return {};
  }
  TRY(count, words.whole());
  if (key == "replicas")
    process.replicas = count;
  else if (key == "min_requests")
    release.min_requests = count;
  else if (key == "requests")
    story.demand.per_second = count;
  else
    return fail(Code::invalid, "unknown word '{}'", key);
  return {};
}

Result<void> read_line(const std::string& line, Case& story) {
  Words words(line);
  const std::string key = words.take();
  if (key == "at" || key == "in")
    TRY_VOID(read_event(words, key == "at", story));
  else if (key == "version")
    TRY_VOID(read_version(words, story));
  else
    TRY_VOID(read_setting(key, words, story));
  if (!words.done()) return fail(Code::invalid, "'{}' is too much", words.peek());
  return {};
}

}  // namespace

Result<Case> read_script(std::string_view text) {
  Case story;
  story.seed = 1;
  story.release.name = "shop";
  core::ProcessWorkload process;
  process.replicas = 2;
  process.stop.drain = 1s;
  story.release.workload = process;
  story.release.checks = core::default_checks();
  story.release.analysis.compare = core::Analysis::Compare::off;
  Behaviour stable;
  stable.version = "v1";
  story.versions.push_back(stable);
  story.tidy_up = false;
  Event init;
  init.action.intent.kind = core::Intent::Kind::init;
  init.action.intent.version = "v1";
  init.action.intent.by = "anna";
  story.events.push_back(init);
  std::istringstream lines{std::string(text)};
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.empty() || line.front() == '#') continue;
    if (auto read = read_line(line, story); !read)
      return fail(std::move(read).error().while_doing(fmt::format("line {}", number)));
  }
  if (story.release.steps.empty()) return fail(Code::invalid, "no `steps` line");
  return story;
}

}  // namespace linnet::sim
