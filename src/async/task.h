// The coroutine type of every port call. One io_context and one thread run all of linnet; rules for
// writing coroutines are in CONTRIBUTING.md (GCC 12 miscompiles some innocent looking forms).
#pragma once

#include <boost/asio/awaitable.hpp>

#include "base/result.h"
#include "base/units.h"

namespace linnet {

template <class T>
using Task = boost::asio::awaitable<T>;

/// The instant by which a call must have answered; it travels with every call.
using Deadline = MonoTime;

}  // namespace linnet
