// Texts of recipes with {{parameters}} in them. A parameter may hold several values: the text then
// stands for several texts.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "recipes/router.h"

namespace linnet::recipes {

class Template {
 public:
  static constexpr std::size_t max_texts = 256;

  Template() = default;
  /// Code::invalid: braces that do not belong together, a name that is not of [a-z0-9_].
  static Result<Template> parse(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] std::vector<std::string> names() const;

  /// Every combination of the parameters' values; at most max_texts, else Code::invalid. A name
  /// that is not in `with` is Code::invalid.
  Result<std::vector<std::string>> texts(const Parameters& with) const;
  /// One text; each parameter is what `write` makes of its values.
  using Write = std::function<std::string(const std::vector<std::string>& values)>;
  Result<std::string> written(const Parameters& with, const Write& write) const;

 private:
  struct Piece {
    bool placeholder = false;
    std::string text;  // as it stands, or the name
  };
  std::string text_;
  std::vector<Piece> pieces_;
};

}  // namespace linnet::recipes
