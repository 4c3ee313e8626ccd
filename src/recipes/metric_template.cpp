#include "recipes/metric_template.h"

#include <algorithm>

namespace linnet::recipes {

Result<Template> Template::parse(std::string_view text) {
  Template made;
  made.text_ = std::string(text);
  while (!text.empty()) {
    const std::size_t open = text.find("{{");
    if (open != 0) made.pieces_.push_back({false, std::string(text.substr(0, open))});
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find("}}", open);
    if (close == std::string_view::npos)
      return fail(Code::invalid, "'{{{{' without '}}}}' in \"{:.80}\"", made.text_);
    const std::string_view name = text.substr(open + 2, close - open - 2);
    const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (!plain)
      return fail(Code::invalid, "\"{:.40}\" between braces is not the name of a parameter", name);
    made.pieces_.push_back({true, std::string(name)});
    text.remove_prefix(close + 2);
  }
  return made;
}

std::vector<std::string> Template::names() const {
  std::vector<std::string> names;
  for (const Piece& piece : pieces_)
    if (piece.placeholder) names.push_back(piece.text);
  return names;
}

Result<std::vector<std::string>> Template::texts(const Parameters& with) const {
  std::vector<std::string> texts{""};
  for (const Piece& piece : pieces_) {
    std::vector<std::string> values{piece.text};
    if (piece.placeholder) {
      const auto found = with.find(piece.text);
      if (found == with.end())
        return fail(Code::invalid, "the parameter '{}' is missing", piece.text);
      values = found->second;
    }
    if (texts.size() * values.size() > max_texts)
      return fail(Code::invalid, "\"{:.80}\" stands for more than {} texts", text_, max_texts);
    std::vector<std::string> longer;
    for (const std::string& text : texts)
      for (const std::string& value : values) longer.push_back(text + value);
    texts = std::move(longer);
  }
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return texts;
}

Result<std::string> Template::written(const Parameters& with, const Write& write) const {
  std::string text;
  for (const Piece& piece : pieces_) {
    if (!piece.placeholder) {
      text += piece.text;
      continue;
    }
    const auto found = with.find(piece.text);
    if (found == with.end())
      return fail(Code::invalid, "the parameter '{}' is missing", piece.text);
    text += write(found->second);
  }
  return text;
}

}  // namespace linnet::recipes
