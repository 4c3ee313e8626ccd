// YAML text as a tree of values with their places: the only code that sees yaml-cpp. It reads
// events rather than yaml-cpp's nodes, because those hide duplicate keys and expand aliases.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spec/read.h"

namespace linnet::spec {

struct Place {
  int line = 0;  // from 1
  int column = 0;
};

struct Node {
  enum class Kind {
    null,
    scalar,
    list,     // items
    map,      // items: key, value, key, value ...
    refused,  // an alias or a tagged value; a mistake is already noted
  };
  Kind kind = Kind::null;
  Place place;
  bool quoted = false;
  std::string text;
  std::vector<Node> items;
};

/// The mistakes of one file, up to max_mistakes.
class Mistakes {
 public:
  explicit Mistakes(std::string_view file) : file_(file) {}
  void add(Place place, std::string_view key, std::string_view message);
  /// No use in looking for more.
  [[nodiscard]] bool full() const { return list_.size() >= max_mistakes; }
  [[nodiscard]] std::size_t size() const { return list_.size() + dropped_; }
  /// In the order of the file; the last one says when there were more.
  std::vector<Mistake> take();

 private:
  std::string file_;
  std::vector<Mistake> list_;
  std::size_t dropped_ = 0;
};

struct Document {
  Node root;
  bool sound = true;  // no mistake in its YAML
};

/// The documents that are not empty, up to the first error of syntax. Notes duplicate keys,
/// anchors, aliases, tags, and whatever passes the limits of read.h.
std::vector<Document> parse_documents(std::string_view text, Mistakes& mistakes);

/// Where "spec.steps[0].weight" stands; what is not there stands where the nearest above it does.
Place place_of(const Node& root, std::string_view key);

}  // namespace linnet::spec
