// Reading Kubernetes objects where they lie: fields by path, labels and selectors. What is absent
// reads as empty, since an object of another version may lack anything.
#pragma once

#include <boost/json/value.hpp>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "kubernetes/requests.h"

namespace linnet::kubernetes {

using Labels = std::map<std::string, std::string>;
using Path = std::initializer_list<std::string_view>;

std::int64_t number_at(const Json& json, Path path, std::int64_t fallback);
bool is_true_at(const Json& json, Path path);
const boost::json::array& list_at(const Json& json, Path path);
/// A mapping of texts: labels, annotations, matchLabels.
Labels labels_at(const Json& json, Path path);
std::string name_of(const Json& object);
std::string namespace_of(const Json& object);

/// Null when none has that name; `list` is of containers or their statuses.
const Json* named(const boost::json::array& list, std::string_view name);
/// The element whose "type" is `type`; null when there is none.
const Json* condition_of(const Json& object, std::string_view type);

/// As a Service selects: every label of `selector` is there; an empty one selects nothing.
bool selects(const Labels& selector, const Labels& labels);
/// As a Deployment's spec.selector selects, with matchExpressions.
bool selector_matches(const Json& selector, const Labels& labels);
/// spec.selector as the query parameter of a list: "app=web,tier in (a,b)".
std::string selector_text(const Json& selector);
/// "app=web, track=stable": for people.
std::string labels_text(const Labels& labels);

/// `text` cut to `most` bytes, with "..." at its end when it was longer.
std::string shortened(std::string text, std::size_t most);

}  // namespace linnet::kubernetes
