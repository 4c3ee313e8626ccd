// The range of rates that the counts so far do not contradict, valid at every look: what people are
// shown beside a measured rate. Formula F15 (Robbins 1970, uniform prior).
#pragma once

#include "base/result.h"

namespace linnet::stats {

struct Interval {
  double low = 0;
  double high = 1;
};

/// {p : (n+1) C(n,x) p^x (1-p)^(n-x) >= alpha}: contains the true rate at all times at once with
/// probability at least 1 - alpha. n requests, x bad among them, both possibly divided by a
/// dispersion (then not whole). n = 0 gives [0, 1]. Relative error of each end about 1e-12, n up to
/// 1e15. Code::invalid unless 0 <= x <= n and 0 < alpha < 1.
Result<Interval> rate_interval(double n, double x, double alpha);

}  // namespace linnet::stats
