// linnet's own numbers in Prometheus' text format, for GET /metrics.
#pragma once

#include <string>

#include "api/backend.h"

namespace linnet::api {

/// Text format 0.0.4; label values are escaped. Weights are percent, times seconds.
std::string metrics_text(const MetricsView& metrics);

inline constexpr const char* metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace linnet::api
