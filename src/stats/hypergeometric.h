// The normaliser of the 2x2 comparison: given a window's margins, how likely each split of its bad
// requests between canary and stable was. Exact for windows of moderate size, a proven bound above.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace linnet::stats {

/// The fixed part of one window's 2x2 table: whole numbers >= 0, bad <= canary + stable.
struct Margins {
  double canary = 0;  // requests to the canary (nc)
  double stable = 0;  // requests to stable (ns)
  double bad = 0;     // bad requests of both (x)
};

/// Number of values the canary's bad count can take, less one: min(bad, canary) - max(0, bad -
/// stable).
double support_width(const Margins& margins);

/// F5: ln G(psi) = ln sum_k C(nc,k) C(ns,x-k) psi^k / C(nc+ns,x) for each psi (all >= 1, in
/// ascending order), summed from the mode of each distribution so that nothing overflows. Cost
/// grows with the support; call it for widths up to some thousands. Sizes of psi and out must
/// agree. The results are long double because callers subtract numbers of up to 1e9 from them.
void log_g_exact(const Margins& margins, std::span<const double> psi, std::span<long double> out);

/// F7: an upper bound on ln G(psi) for psi >= 1 in constant time (Hoeffding 1963, from four sides
/// of the table). Evidence divided by it is a little smaller, never invalid.
void log_g_bound(const Margins& margins, std::span<const double> psi, std::span<long double> out);

/// F8 for big windows: the first bound's difference ln G(psi0 psi) - ln G(psi0), psi0 >= 1, which
/// is valid although it is not a bound of each term.
void log_g_ratio_bound(const Margins& margins, double psi0, std::span<const double> psi,
                       std::span<long double> out);

}  // namespace linnet::stats
