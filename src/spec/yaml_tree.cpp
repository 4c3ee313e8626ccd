#include "spec/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cstdlib>
#include <istream>
#include <streambuf>
#include <unordered_map>

#include "spec/formats.h"

namespace linnet::spec {
namespace {

struct Stop {};  // thrown through yaml-cpp when a limit is passed

// `{{version}}` is no plain YAML inside [ ], though users write it. While yaml-cpp reads, its
// braces are these control characters of two bytes each (so columns stay right), which no spec may
// hold.
constexpr std::string_view open_mark = "\xC2\x91", close_mark = "\xC2\x92";

bool placeholder_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

std::string hide_placeholders(std::string_view text) {
  std::string out(text);
  for (std::size_t at = out.find("{{"); at != std::string::npos; at = out.find("{{", at)) {
    std::size_t end = at + 2;
    while (end < out.size() && placeholder_char(out[end])) ++end;
    if (end > at + 2 && out.compare(end, 2, "}}") == 0) {
      out.replace(at, 2, open_mark);
      out.replace(end, 2, close_mark);
    }
    at = end > at + 2 ? end : at + 1;
  }
  return out;
}

std::string show_placeholders(std::string text) {
  for (const auto& [mark, braces] : {std::pair{open_mark, "{{"}, std::pair{close_mark, "}}"}})
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at))
      text.replace(at, 2, braces);
  return text;
}

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(Mistakes& mistakes, std::vector<Document>& documents)
      : mistakes_(mistakes), documents_(documents) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    count(mark);
    open_.assign(1, Node());
    mistakes_before_ = mistakes_.size();
  }
  void OnDocumentEnd() override {
    Node& top = open_.front();
    if (!top.items.empty() && top.items[0].kind != Node::Kind::null)
      documents_.push_back({std::move(top.items[0]), mistakes_.size() == mistakes_before_});
    open_.clear();
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(mark, "", anchor, Node::Kind::null);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(place_of(mark), "an alias (*name) is not allowed here: write the value again");
    add(mark, "", 0, Node::Kind::refused);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node& node = add(mark, tag, anchor, Node::Kind::scalar);
    node.quoted = tag == "!";
    node.text = show_placeholders(value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    push(mark, tag, anchor, Node::Kind::list);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    push(mark, tag, anchor, Node::Kind::map);
  }
  void OnSequenceEnd() override { pop(); }
  void OnMapEnd() override {
    check_keys(open_.back());
    pop();
  }

 private:
  static Place place_of(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

  void refuse(Place place, std::string_view message) {
    mistakes_.add(place, "", message);
    if (mistakes_.full()) throw Stop();
  }

  void count(const YAML::Mark& mark) {
    if (++values_ <= max_values) return;
    refuse(place_of(mark), fmt::format("too large: more than {} values", max_values));
    throw Stop();
  }

  Node make(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            Node::Kind kind) {
    count(mark);
    Node node;
    node.kind = kind;
    node.place = place_of(mark);
    if (anchor != 0)
      refuse(node.place, "an anchor (&name) is not allowed: write the value where it is used");
    if (!tag.empty() && tag != "?" && tag != "!")
      refuse(node.place, fmt::format("a tag ({}) is not allowed", shown(tag)));
    return node;
  }

  Node& add(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            Node::Kind kind) {
    return open_.back().items.emplace_back(make(mark, tag, anchor, kind));
  }

  void push(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            Node::Kind kind) {
    if (open_.size() > static_cast<std::size_t>(max_depth)) {
      refuse(place_of(mark), fmt::format("nested more than {} levels deep", max_depth));
      throw Stop();
    }
    open_.push_back(make(mark, tag, anchor, kind));
  }

  void pop() {
    Node done = std::move(open_.back());
    open_.pop_back();
    open_.back().items.push_back(std::move(done));
  }

  void check_keys(const Node& map) {
    std::unordered_map<std::string_view, Place> seen;
    for (std::size_t i = 0; i < map.items.size(); i += 2) {
      const Node& key = map.items[i];
      if (key.kind == Node::Kind::refused) continue;
      if (key.kind != Node::Kind::scalar) {
        refuse(key.place, "a key must be a text");
        continue;
      }
      const auto [first, added] = seen.emplace(key.text, key.place);
      if (!added)
        refuse(key.place, fmt::format("key {} is here twice (lines {} and {})", shown(key.text),
                                      first->second.line, key.place.line));
    }
  }

  Mistakes& mistakes_;
  std::vector<Document>& documents_;
  std::vector<Node> open_;  // the document, then the lists and mappings being read
  std::size_t mistakes_before_ = 0;
  int values_ = 0;
};

// What yaml-cpp would accept, repair silently or explain badly. True when the text can be parsed.
bool check_text(std::string_view text, Mistakes& mistakes) {
  if (text.size() > max_bytes) {
    mistakes.add({}, "", fmt::format("the file is larger than {} KiB", max_bytes / 1024));
    return false;
  }
  int line = 1;
  const std::size_t before = mistakes.size();
  for (std::size_t start = 0; start < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    std::string_view row = text.substr(start, end - start);
    start = end + 1;
    if (!row.empty() && row.back() == '\r') row.remove_suffix(1);
    if (!is_utf8(row)) {
      mistakes.add({line, 1}, "", "this line is not UTF-8 text");
      return false;
    }
    if (has_control(row, true)) {
      mistakes.add({line, 1}, "", "this line holds a control character");
      return false;
    }
    const std::size_t content = row.find_first_not_of(" \t");
    if (content == std::string_view::npos || row[content] == '#') continue;
    const std::size_t tab = row.substr(0, content).find('\t');
    if (tab == std::string_view::npos) continue;
    mistakes.add({line, static_cast<int>(tab) + 1}, "",
                 "a tab indents this line: YAML takes only spaces");
    if (mistakes.full()) return false;
  }
  return mistakes.size() == before;
}

// yaml-cpp reads a stream; this one does not copy the text.
class TextBuffer : public std::streambuf {
 public:
  explicit TextBuffer(std::string& text) {
    setg(text.data(), text.data(), text.data() + text.size());
  }
};

}  // namespace

void Mistakes::add(Place place, std::string_view key, std::string_view message) {
  if (full())
    ++dropped_;
  else
    // Whatever a file says about itself in its mistakes, it moves no cursor.
    list_.push_back({file_, place.line, place.column, visible(key), visible(message)});
}

std::vector<Mistake> Mistakes::take() {
  std::stable_sort(list_.begin(), list_.end(), [](const Mistake& a, const Mistake& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  if (full())
    list_.back() = {file_, list_.back().line, 0, "", "too many mistakes: the rest is not shown"};
  return std::move(list_);
}

std::vector<Document> parse_documents(std::string_view text, Mistakes& mistakes) {
  std::vector<Document> documents;
  if (!check_text(text, mistakes)) return documents;
  std::string hidden = hide_placeholders(text);
  TextBuffer buffer(hidden);
  std::istream stream(&buffer);
  TreeBuilder builder(mistakes, documents);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
  } catch (const YAML::Exception& error) {
    mistakes.add({error.mark.line + 1, error.mark.column + 1}, "",
                 fmt::format("this is not YAML: {}", show_placeholders(error.msg)));
  } catch (const std::exception& error) {
    mistakes.add({}, "", fmt::format("this cannot be read as YAML: {}", error.what()));
  }
  return documents;
}

Place place_of(const Node& root, std::string_view key) {
  const Node* node = &root;
  while (!key.empty()) {
    const std::size_t end = key.find_first_of(".[", 1);
    const std::string_view part = key.substr(0, end);
    key = end == std::string_view::npos ? "" : key.substr(key[end] == '.' ? end + 1 : end);
    const Node* next = nullptr;
    if (part.starts_with('[')) {
      const auto index = static_cast<std::size_t>(std::atoi(std::string(part.substr(1)).c_str()));
      if (node->kind == Node::Kind::list && index < node->items.size()) next = &node->items[index];
    } else if (node->kind == Node::Kind::map) {
      for (std::size_t i = 0; i + 1 < node->items.size(); i += 2)
        if (node->items[i].text == part) next = &node->items[i + 1];
    }
    if (next == nullptr) break;
    node = next;
  }
  return node->place;
}

}  // namespace linnet::spec
