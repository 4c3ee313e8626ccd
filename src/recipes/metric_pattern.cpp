#include "recipes/metric_pattern.h"

#include <algorithm>

namespace linnet::recipes {

// Builds Thompson's automaton from the right end to the left: each part is given where to go on.
class PatternParser {
 public:
  explicit PatternParser(std::string_view text) : text_(text) {}

  Result<Pattern> parse() {
    if (text_.size() > Pattern::max_bytes)
      return fail(Code::invalid, "a pattern of more than {} bytes", Pattern::max_bytes);
    Node top = alternatives(0);
    if (error_.empty() && at_ < text_.size()) error_ = "')' without '('";
    if (!error_.empty()) return fail(Code::invalid, "at byte {}: {}", at_ + 1, error_);
    constexpr std::int32_t end = -1;
    pattern_.start_ = build(top, end);
    // -1 stands for the end while building, since the number of states is not known before.
    const auto last = static_cast<std::int32_t>(pattern_.states_.size());
    for (auto& state : pattern_.states_) {
      if (state.next == end) state.next = last;
      if (state.fork && state.other == end) state.other = last;
    }
    if (pattern_.start_ == end) pattern_.start_ = last;
    return std::move(pattern_);
  }

 private:
  static constexpr int max_depth = 16;
  struct Node {
    enum class Kind { bytes, sequence, choice, repeat } kind = Kind::sequence;
    Pattern::Bytes bytes;
    bool none = false, many = false;  // repeat: may be absent, may come again
    std::vector<Node> parts;
  };

  Node alternatives(int depth) {
    Node choice;
    choice.kind = Node::Kind::choice;
    if (depth > max_depth) {
      error_ = "groups nested too deep";
      return choice;
    }
    choice.parts.push_back(sequence(depth));
    while (error_.empty() && at_ < text_.size() && text_[at_] == '|') {
      ++at_;
      choice.parts.push_back(sequence(depth));
    }
    return choice;
  }

  Node sequence(int depth) {
    Node all;
    while (error_.empty() && at_ < text_.size() && text_[at_] != '|' && text_[at_] != ')') {
      Node part = atom(depth);
      if (at_ < text_.size() && (text_[at_] == '*' || text_[at_] == '+' || text_[at_] == '?')) {
        Node repeat;
        repeat.kind = Node::Kind::repeat;
        repeat.none = text_[at_] != '+';
        repeat.many = text_[at_] != '?';
        repeat.parts.push_back(std::move(part));
        part = std::move(repeat);
        ++at_;
      }
      all.parts.push_back(std::move(part));
    }
    return all;
  }

  Node atom(int depth) {
    Node node;
    node.kind = Node::Kind::bytes;
    const char c = text_[at_++];
    switch (c) {
      case '(':
        node = alternatives(depth + 1);
        if (error_.empty() && (at_ >= text_.size() || text_[at_] != ')'))
          error_ = "'(' without ')'";
        ++at_;
        break;
      case '[': node.bytes = byte_class(); break;
      case '.': node.bytes.set(); break;
      case '\\': node.bytes.set(escaped()); break;
      case '*':
      case '+':
      case '?':
      case '{':
      case '}':
      case '^':
      case '$': error_ = fmt::format("'{}' cannot stand here; write \\{} for itself", c, c); break;
      default: node.bytes.set(static_cast<unsigned char>(c));
    }
    return node;
  }

  std::size_t escaped() {
    if (at_ >= text_.size()) {
      error_ = "'\\' at the end";
      return 0;
    }
    const auto c = static_cast<unsigned char>(text_[at_++]);
    if (std::isalnum(c) != 0) error_ = "'\\' before a letter or digit is not understood";
    return c;
  }

  Pattern::Bytes byte_class() {
    Pattern::Bytes bytes;
    const bool negated = at_ < text_.size() && text_[at_] == '^';
    if (negated) ++at_;
    bool first = true;
    for (; error_.empty(); first = false) {
      if (at_ >= text_.size()) {
        error_ = "'[' without ']'";
        break;
      }
      if (text_[at_] == ']' && !first) {
        ++at_;
        break;
      }
      std::size_t low = class_byte();
      std::size_t high = low;
      if (at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']') {
        ++at_;
        high = class_byte();
        if (high < low) error_ = "a range that runs backwards";
      }
      for (; low <= high; ++low) bytes.set(low);
    }
    return negated ? ~bytes : bytes;
  }

  std::size_t class_byte() {
    const char c = text_[at_++];
    if (c == '[') error_ = "'[' in a class; write \\[ for itself";
    return c == '\\' ? escaped() : static_cast<unsigned char>(c);
  }

  std::int32_t add(Pattern::State state) {
    pattern_.states_.push_back(state);
    return static_cast<std::int32_t>(pattern_.states_.size()) - 1;
  }

  std::int32_t build(const Node& node, std::int32_t next) {
    switch (node.kind) {
      case Node::Kind::bytes: return add({node.bytes, false, next, -1});
      case Node::Kind::sequence:
        for (auto part = node.parts.rbegin(); part != node.parts.rend(); ++part)
          next = build(*part, next);
        return next;
      case Node::Kind::choice: {
        std::int32_t start = build(node.parts.back(), next);
        for (auto part = node.parts.rbegin() + 1; part != node.parts.rend(); ++part)
          start = add({{}, true, build(*part, next), start});
        return start;
      }
      case Node::Kind::repeat: break;
    }
    if (!node.many) return add({{}, true, build(node.parts[0], next), next});
    const std::int32_t fork = add({{}, true, -1, next});
    const std::int32_t start = build(node.parts[0], fork);
    pattern_.states_[static_cast<std::size_t>(fork)].next = start;
    return node.none ? fork : start;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string error_;
  Pattern pattern_;
};

Result<Pattern> Pattern::compile(std::string_view pattern) {
  return PatternParser(pattern).parse();
}

bool Pattern::matches(std::string_view text) const {
  const std::size_t end = states_.size();
  std::vector<std::int32_t> now, next, open;
  std::vector<char> marked(end + 1);
  // Follows forks from `state`; each state at most once a step.
  const auto enter = [&](std::vector<std::int32_t>& set, std::int32_t state) {
    open.assign(1, state);
    while (!open.empty()) {
      const std::int32_t one = open.back();
      open.pop_back();
      const auto index = static_cast<std::size_t>(one);
      if (marked[index] != 0) continue;
      marked[index] = 1;
      if (index < end && states_[index].fork) {
        open.push_back(states_[index].other);
        open.push_back(states_[index].next);
      } else {
        set.push_back(one);
      }
    }
  };
  enter(now, start_);
  for (const char c : text) {
    std::fill(marked.begin(), marked.end(), 0);
    next.clear();
    for (const std::int32_t one : now) {
      const auto index = static_cast<std::size_t>(one);
      if (index < end && states_[index].bytes.test(static_cast<unsigned char>(c)))
        enter(next, states_[index].next);
    }
    now.swap(next);
    if (now.empty()) return false;
  }
  return std::find(now.begin(), now.end(), static_cast<std::int32_t>(end)) != now.end();
}

std::string Pattern::quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view(R"(\.+*?()|[]{}^$)").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace linnet::recipes
