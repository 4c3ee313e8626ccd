// Any described value to and from boost::json, field by field. Not Boost.JSON's own conversion of
// described types, because that of 1.81 refuses absent fields, tells no path in its errors, and
// loses the last bit of a double. Private to src/wire; include it in as few files as possible.
#pragma once

#include <array>
#include <boost/describe.hpp>
#include <boost/json.hpp>
#include <boost/mp11.hpp>
#include <boost/pfr/tuple_size.hpp>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/units.h"
#include "wire/described.h"

namespace linnet::wire::codec {

namespace js = boost::json;

template <class T>
using Members = boost::describe::describe_members<T, boost::describe::mod_public>;

/// Fields that are left out on purpose.
template <class T>
inline constexpr std::size_t unsaved = 0;
template <>
inline constexpr std::size_t unsaved<core::Status> = 2;  // last_turn, last_saved

/// False when a field was added to T but not to its line in described.h.
template <class T>
consteval bool all_fields_named() {
  if constexpr (std::is_empty_v<T>) {
    return true;
  } else {
    return boost::pfr::tuple_size_v<T> == boost::mp11::mp_size<Members<T>>::value + unsaved<T>;
  }
}

template <class T>
concept Described = boost::describe::has_describe_members<T>::value;
template <class T>
concept DescribedEnum = boost::describe::has_describe_enumerators<T>::value;

template <class T, class Use>
void for_each_member(Use use) {
  static_assert(all_fields_named<T>(), "a field is missing in described.h");
  boost::mp11::mp_for_each<Members<T>>(use);
}

// ---- Writing ------------------------------------------------------------------------------------

inline void append_double(std::string& out, double value) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

inline js::value write(bool value) { return value; }
inline js::value write(const std::string& value) { return js::string(value); }
inline js::value write(Percent value) { return value.ppm(); }
inline js::value write(Duration value) { return static_cast<std::int64_t>(value.count()); }
inline js::value write(WallTime value) { return value.ms; }
template <std::integral T>
js::value write(T value) {
  return static_cast<std::int64_t>(value);
}
inline js::value write(double value) {
  std::string out;
  append_double(out, value);
  return js::string(out);
}
/// "0 1.5 -inf": one string, because evidence is hundreds of doubles.
template <std::size_t N>
js::value write(const std::array<double, N>& values) {
  std::string out;
  for (double value : values) {
    if (!out.empty()) out += ' ';
    append_double(out, value);
  }
  return js::string(out);
}
template <DescribedEnum T>
js::value write(T value) {
  return js::string(boost::describe::enum_to_string(value, "?"));
}
template <Described T>
js::value write(const T& value);
js::value write(const core::Phase& phase);

template <class T>
js::value write(const std::vector<T>& values) {
  js::array out;
  out.reserve(values.size());
  for (const T& value : values) out.push_back(write(value));
  return out;
}
template <class T, std::size_t N>
js::value write(const std::array<T, N>& values) {
  js::array out;
  out.reserve(N);
  for (const T& value : values) out.push_back(write(value));
  return out;
}

template <class T>
void write_field(js::object& out, const char* name, const T& value) {
  out.emplace(name, write(value));
}
template <class T>
void write_field(js::object& out, const char* name, const std::optional<T>& value) {
  if (value) out.emplace(name, write(*value));
}

template <Described T>
void write_fields(js::object& out, const T& value) {
  for_each_member<T>([&](auto member) { write_field(out, member.name, value.*member.pointer); });
}
template <Described T>
js::value write(const T& value) {
  js::object out;
  write_fields(out, value);
  return out;
}
/// {"phase": "stepping", <the fields of that phase>}
inline js::value write(const core::Phase& phase) {
  js::object out;
  out.emplace("phase", js::string(core::phase_name(phase)));
  std::visit([&](const auto& one) { write_fields(out, one); }, phase);
  return out;
}

// ---- Reading ------------------------------------------------------------------------------------
// Each answers false and says in `wrong` what is not as it should be; the callers put the path in
// front.

inline bool unfit(std::string& wrong, const js::value& found, std::string_view expected) {
  wrong = fmt::format(": expected {}, found {}", expected, js::to_string(found.kind()));
  return false;
}

inline bool read(const js::value& json, bool& out, std::string& wrong) {
  if (!json.is_bool()) return unfit(wrong, json, "true or false");
  out = json.get_bool();
  return true;
}
inline bool read(const js::value& json, std::string& out, std::string& wrong) {
  if (!json.is_string()) return unfit(wrong, json, "a string");
  out.assign(json.get_string().data(), json.get_string().size());
  return true;
}
template <std::integral T>
bool read(const js::value& json, T& out, std::string& wrong) {
  if (!json.is_int64()) return unfit(wrong, json, "a whole number");
  if (!std::in_range<T>(json.get_int64())) {
    wrong = fmt::format(": {} is out of range", json.get_int64());
    return false;
  }
  out = static_cast<T>(json.get_int64());
  return true;
}
inline bool read(const js::value& json, Percent& out, std::string& wrong) {
  std::int32_t ppm = 0;
  if (!read(json, ppm, wrong)) return false;
  out = Percent::from_ppm(ppm);
  return true;
}
inline bool read(const js::value& json, Duration& out, std::string& wrong) {
  std::int64_t ms = 0;
  if (!read(json, ms, wrong)) return false;
  out = Duration(ms);
  return true;
}
inline bool read(const js::value& json, WallTime& out, std::string& wrong) {
  return read(json, out.ms, wrong);
}
/// Takes one number off the front of `text`, and the blank after it.
inline bool take_double(std::string_view& text, double& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.empty()) return true;
  if (text.front() != ' ') return false;
  text.remove_prefix(1);
  return !text.empty();
}
inline bool read_doubles(const js::value& json, double* out, std::size_t count,
                         std::string& wrong) {
  if (!json.is_string()) return unfit(wrong, json, "numbers in a string");
  std::string_view text(json.get_string().data(), json.get_string().size());
  for (std::size_t i = 0; i < count; ++i) {
    if (!take_double(text, out[i])) {
      wrong = fmt::format(": number {} of {} is unreadable", i + 1, count);
      return false;
    }
  }
  if (text.empty()) return true;
  wrong = fmt::format(": more than {} numbers", count);
  return false;
}
inline bool read(const js::value& json, double& out, std::string& wrong) {
  return read_doubles(json, &out, 1, wrong);
}
template <std::size_t N>
bool read(const js::value& json, std::array<double, N>& out, std::string& wrong) {
  return read_doubles(json, out.data(), N, wrong);
}
template <DescribedEnum T>
bool read(const js::value& json, T& out, std::string& wrong) {
  if (!json.is_string()) return unfit(wrong, json, "a word");
  const std::string word(json.get_string());
  if (boost::describe::enum_from_string(word.c_str(), out)) return true;
  wrong = fmt::format(": unknown word '{:.64}'", word);
  return false;
}
template <Described T>
bool read(const js::value& json, T& out, std::string& wrong);
inline bool read(const js::value& json, core::Phase& out, std::string& wrong);

template <class T>
bool read_element(const js::value& json, std::size_t index, T& out, std::string& wrong) {
  if (read(json, out, wrong)) return true;
  wrong = fmt::format("[{}]{}", index, wrong);
  return false;
}
template <class T>
bool read(const js::value& json, std::vector<T>& out, std::string& wrong) {
  if (!json.is_array()) return unfit(wrong, json, "a list");
  out.clear();
  out.resize(json.get_array().size());
  for (std::size_t i = 0; i < out.size(); ++i)
    if (!read_element(json.get_array()[i], i, out[i], wrong)) return false;
  return true;
}
template <class T, std::size_t N>
bool read(const js::value& json, std::array<T, N>& out, std::string& wrong) {
  if (!json.is_array() || json.get_array().size() != N) {
    wrong = fmt::format(": expected a list of {}", N);
    return false;
  }
  for (std::size_t i = 0; i < N; ++i)
    if (!read_element(json.get_array()[i], i, out[i], wrong)) return false;
  return true;
}
template <class T>
bool read(const js::value& json, std::optional<T>& out, std::string& wrong) {
  if (json.is_null()) return out.reset(), true;
  return read(json, out.emplace(), wrong);
}

/// The fields of T out of `json`; absent ones keep what `out` holds. `besides`: one key that is not
/// a field and may be there.
template <Described T>
bool read_fields(const js::object& json, T& out, std::string_view besides, std::string& wrong) {
  bool good = true;
  std::size_t known = json.contains(besides) ? 1 : 0;
  for_each_member<T>([&](auto member) {
    if (!good) return;
    const js::value* field = json.if_contains(member.name);
    if (field == nullptr) return;
    ++known;
    good = read(*field, out.*member.pointer, wrong);
    if (!good) wrong = fmt::format(".{}{}", member.name, wrong);
  });
  if (!good || known == json.size()) return good;
  for (const auto& field : json) {
    bool is_known = field.key() == besides;
    for_each_member<T>([&](auto member) { is_known = is_known || field.key() == member.name; });
    if (is_known) continue;
    wrong = fmt::format(".{:.64}: not known to this linnet", std::string(field.key()));
    return false;
  }
  return true;
}
template <Described T>
bool read(const js::value& json, T& out, std::string& wrong) {
  if (!json.is_object()) return unfit(wrong, json, "an object");
  return read_fields(json.get_object(), out, std::string_view(), wrong);
}
inline bool read(const js::value& json, core::Phase& out, std::string& wrong) {
  if (!json.is_object()) return unfit(wrong, json, "an object");
  const js::value* name = json.get_object().if_contains("phase");
  if (name == nullptr || !name->is_string()) {
    wrong = ".phase: missing";
    return false;
  }
  bool known = false;
  bool good = false;
  boost::mp11::mp_for_each<core::Phase>([&](auto phase) {
    if (known || core::phase_name(phase) != std::string_view(name->get_string())) return;
    known = true;
    good = read_fields(json.get_object(), phase, "phase", wrong);
    out = phase;
  });
  if (!known) wrong = fmt::format(".phase: unknown word '{:.64}'", std::string(name->get_string()));
  return good;
}

}  // namespace linnet::wire::codec
