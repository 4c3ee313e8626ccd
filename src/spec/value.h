// What one key of the spec can hold, and how a row of the table reaches its place in core::Release.
// An Access is made from a section (a function that finds the struct, or null when the release is
// of another kind) and members to follow from there.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "core/release.h"

namespace linnet::spec {

/// Stands for an object: it is there, or (when set) shall be.
struct Present {
  friend bool operator==(Present, Present) = default;
};
/// One of the allowed words of a field, by its place among them.
struct Word {
  int index = 0;
  friend bool operator==(Word, Word) = default;
};
using Texts = std::vector<std::string>;
using TextMap = std::map<std::string, std::string>;
using Parameters = std::map<std::string, std::vector<std::string>>;

/// monostate: absent. A list of objects gives its size as std::int64_t.
using Value = std::variant<std::monostate, Present, bool, std::int64_t, double, std::string, Word,
                           Percent, Duration, Texts, TextMap, Parameters>;

/// The setter and getter of one row. `index` is the place in the list that the path goes through.
struct Access {
  std::function<void(core::Release&, std::size_t index, Value)> set;
  std::function<Value(const core::Release&, std::size_t index)> get;
};

namespace detail {

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};

template <class T>
Value to_value(const T& from) {
  if constexpr (is_optional<T>::value)
    return from ? to_value(*from) : Value();
  else if constexpr (std::is_enum_v<T>)
    return Word{static_cast<int>(from)};
  else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
    return static_cast<std::int64_t>(from);
  else
    return from;
}

template <class T>
void from_value(T& to, Value&& value) {
  if constexpr (is_optional<T>::value)
    from_value(to.emplace(), std::move(value));
  else if constexpr (std::is_enum_v<T>)
    to = static_cast<T>(std::get<Word>(value).index);
  else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
    to = static_cast<T>(std::get<std::int64_t>(value));
  else
    to = std::get<T>(std::move(value));
}

template <class Struct>
auto* follow(Struct* at) {
  return at;
}
template <class Struct, class Member, class... Rest>
auto* follow(Struct* at, Member member, Rest... rest) {
  return follow(at == nullptr ? nullptr : &(at->*member), rest...);
}

}  // namespace detail

/// The member found by following `members` from the section.
template <class Section, class... Members>
Access at(Section section, Members... members) {
  return {[=](core::Release& release, std::size_t index, Value value) {
            if (auto* place = detail::follow(section(release, index), members...))
              detail::from_value(*place, std::move(value));
          },
          [=](const core::Release& release, std::size_t index) {
            const auto* place = detail::follow(section(release, index), members...);
            return place == nullptr ? Value() : detail::to_value(*place);
          }};
}

/// As `at`, for a member whose form in YAML differs: `show(struct) -> Value`, `take(struct,
/// Value)`.
template <class Section, class Show, class Take>
Access custom(Section section, Show show, Take take) {
  return {[=](core::Release& release, std::size_t index, Value value) {
            if (auto* place = section(release, index)) take(*place, std::move(value));
          },
          [=](const core::Release& release, std::size_t index) {
            const auto* place = section(release, index);
            return place == nullptr ? Value() : show(*place);
          }};
}

/// An object that is always there, or one alternative of a variant: setting it chooses it.
template <class Section, class Choose>
Access object(Section section, Choose choose) {
  return {[=](core::Release& release, std::size_t index, const Value&) { choose(release, index); },
          [=](const core::Release& release, std::size_t index) {
            return section(release, index) == nullptr ? Value() : Value(Present{});
          }};
}

/// A list of objects: setting element `index` cuts the list there and appends a fresh element;
/// setting an integer resizes it.
template <class List>
Access list(List core::Release::*member) {
  return {[=](core::Release& release, std::size_t index, const Value& value) {
            if (const auto* size = std::get_if<std::int64_t>(&value)) {
              (release.*member).resize(static_cast<std::size_t>(*size));
              return;
            }
            (release.*member).resize(index);
            (release.*member).emplace_back();
          },
          [=](const core::Release& release, std::size_t) {
            return Value(static_cast<std::int64_t>((release.*member).size()));
          }};
}

}  // namespace linnet::spec
