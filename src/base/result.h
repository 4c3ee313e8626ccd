// Result<T>: how every fallible call of linnet answers. An error carries a code from a small set
// and a sentence that says what was being done. A code exists only where a caller reacts
// differently.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace linnet {

enum class Code {
  invalid,          // the input is wrong: the caller must change it, trying again is useless
  not_found,        // the thing named does not exist
  conflict,         // somebody else changed it, or it is busy: read again and decide again
  denied,           // no permission
  unavailable,      // cannot be reached or not ready now: try again later
  timed_out,        // the deadline passed and nothing was changed
  unknown_outcome,  // a write was sent and its answer lost: look again before doing more
  cancelled,        // the caller withdrew
  internal,         // a bug or a broken invariant of ours
};

/// The code as the stable word used in JSON ("timed_out").
std::string_view code_name(Code code);

struct Error {
  Code code = Code::internal;
  std::string message;

  /// Adds what was being done in front: while_doing("setting weight of shop") ->
  /// "setting weight of shop: <message>".
  [[nodiscard]] Error while_doing(std::string_view what) && {
    message = fmt::format("{}: {}", what, message);
    return std::move(*this);
  }
  [[nodiscard]] Error while_doing(std::string_view what) const& {
    return Error(*this).while_doing(what);
  }
  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = tl::expected<T, Error>;

/// `return fail(Code::invalid, "weight {} is above 100 %", w);`
template <class... Args>
tl::unexpected<Error> fail(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected(std::move(error)); }

namespace detail {
[[noreturn]] void check_failed(const char* expression, const char* file, int line);
}  // namespace detail

}  // namespace linnet

// Statements, not statement expressions: GCC miscompiles those in coroutines.
// TRY(name, expression) declares `auto& name` with the value, or returns the error.
#define LINNET_TRY_IMPL(keyword, name, ...)                             \
  auto name##_or = (__VA_ARGS__);                                       \
  if (!name##_or) keyword tl::unexpected(std::move(name##_or).error()); \
  [[maybe_unused]] auto& name = *name##_or
#define TRY(name, ...) LINNET_TRY_IMPL(return, name, __VA_ARGS__)
#define CO_TRY(name, ...) LINNET_TRY_IMPL(co_return, name, __VA_ARGS__)
// The same for Result<void>.
#define TRY_VOID(...)                                                        \
  do {                                                                       \
    auto try_void_or = (__VA_ARGS__);                                        \
    if (!try_void_or) return tl::unexpected(std::move(try_void_or).error()); \
  } while (false)
#define CO_TRY_VOID(...)                                                        \
  do {                                                                          \
    auto try_void_or = (__VA_ARGS__);                                           \
    if (!try_void_or) co_return tl::unexpected(std::move(try_void_or).error()); \
  } while (false)
// A broken invariant is a bug: it aborts, in release builds too.
#define CHECK(condition)                               \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::linnet::detail::check_failed(#condition, __FILE__, __LINE__))
