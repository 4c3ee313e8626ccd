#include "kubernetes/objects.h"

#include <algorithm>
#include <boost/json.hpp>

namespace linnet::kubernetes {
namespace {

bool has_value(const Json& values, const std::string& value) {
  const auto& list = list_at(values, {"values"});
  return std::any_of(list.begin(), list.end(), [&](const Json& one) {
    return one.is_string() && one.get_string() == std::string_view(value);
  });
}

bool expression_matches(const Json& expression, const Labels& labels) {
  const auto found = labels.find(text_at(expression, {"key"}));
  const bool there = found != labels.end();
  const std::string how = text_at(expression, {"operator"});
  if (how == "Exists") return there;
  if (how == "DoesNotExist") return !there;
  const bool among = there && has_value(expression, found->second);
  return how == "In" ? among : !among;
}

std::string expression_text(const Json& expression) {
  const std::string key = text_at(expression, {"key"});
  const std::string how = text_at(expression, {"operator"});
  if (how == "Exists") return key;
  if (how == "DoesNotExist") return "!" + key;
  std::string values;
  for (const Json& value : list_at(expression, {"values"}))
    if (value.is_string())
      values += (values.empty() ? "" : ",") + std::string(std::string_view(value.get_string()));
  return fmt::format("{} {} ({})", key, how == "In" ? "in" : "notin", values);
}

}  // namespace

std::int64_t number_at(const Json& json, Path path, std::int64_t fallback) {
  const Json* found = find_at(json, path);
  if (found == nullptr) return fallback;
  boost::system::error_code failed;
  const auto number = found->to_number<std::int64_t>(failed);
  return failed ? fallback : number;
}

bool is_true_at(const Json& json, Path path) {
  const Json* found = find_at(json, path);
  return found != nullptr && found->is_bool() && found->get_bool();
}

const boost::json::array& list_at(const Json& json, Path path) {
  static const boost::json::array none;
  const Json* found = find_at(json, path);
  return found != nullptr && found->is_array() ? found->get_array() : none;
}

Labels labels_at(const Json& json, Path path) {
  Labels labels;
  const Json* found = find_at(json, path);
  if (found == nullptr || !found->is_object()) return labels;
  for (const auto& [key, value] : found->get_object())
    if (value.is_string()) labels.emplace(key, std::string_view(value.get_string()));
  return labels;
}

std::string name_of(const Json& object) { return text_at(object, {"metadata", "name"}); }
std::string namespace_of(const Json& object) { return text_at(object, {"metadata", "namespace"}); }

const Json* named(const boost::json::array& list, std::string_view name) {
  for (const Json& one : list)
    if (text_at(one, {"name"}) == name) return &one;
  return nullptr;
}

const Json* condition_of(const Json& object, std::string_view type) {
  for (const Json& one : list_at(object, {"status", "conditions"}))
    if (text_at(one, {"type"}) == type) return &one;
  return nullptr;
}

bool selects(const Labels& selector, const Labels& labels) {
  return !selector.empty() && std::all_of(selector.begin(), selector.end(), [&](const auto& label) {
    const auto found = labels.find(label.first);
    return found != labels.end() && found->second == label.second;
  });
}

bool selector_matches(const Json& selector, const Labels& labels) {
  const Labels wanted = labels_at(selector, {"matchLabels"});
  const auto& expressions = list_at(selector, {"matchExpressions"});
  if (!selector.is_object()) return false;  // an empty one selects all
  if (!wanted.empty() && !selects(wanted, labels)) return false;
  return std::all_of(expressions.begin(), expressions.end(),
                     [&](const Json& one) { return expression_matches(one, labels); });
}

std::string selector_text(const Json& selector) {
  std::string out;
  for (const auto& [key, value] : labels_at(selector, {"matchLabels"}))
    out += fmt::format("{}{}={}", out.empty() ? "" : ",", key, value);
  for (const Json& expression : list_at(selector, {"matchExpressions"}))
    out += (out.empty() ? "" : ",") + expression_text(expression);
  return out;
}

std::string labels_text(const Labels& labels) {
  std::string out;
  for (const auto& [key, value] : labels)
    out += fmt::format("{}{}={}", out.empty() ? "" : ", ", key, value);
  return out;
}

std::string shortened(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  text.resize(most);
  // Never half of a UTF-8 character.
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();
  if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0) text.pop_back();
  return text + "...";
}

}  // namespace linnet::kubernetes
