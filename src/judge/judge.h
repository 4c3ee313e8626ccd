// `linnet judge`: linnet's evidence over recorded data, for tuning limits before a release and for
// other pipelines. One function per subcommand; each reads its files and answers with text and
// JSON. No terminal and no exit here: the command line prints one of the two and returns the exit
// code.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace linnet::judge {

/// `text` for people, several lines; `json` for programs, one object on one line (with `trace`, one
/// object per row before it, each on its own line). Both end without a newline.
struct Report {
  std::string text;
  std::string json;
  /// 0: pass, undecided, or nothing to decide; 1: a limit is violated; 3: the files hold no
  /// requests.
  int exit_code = 0;
};

/// Files: at most 64 MiB; "-" is standard input. CSV: first line the header with exactly the named
/// columns in any order, then a row per window of plain numbers; CRLF, spaces around fields, empty
/// lines and a byte order mark are accepted. Every error is Code::invalid (not_found for a missing
/// file) and begins with "FILE:LINE: ".

/// Is a rate above, or below, a limit? Header `requests,bad`.
struct ThresholdOptions {
  std::string file;
  double limit = 0;     // fraction, 0.05 for 5 %; above 0 and below 1
  double alpha = 0.01;  // probability of a wrong fail
  double beta = 0.01;   // probability of a wrong pass
  double phi = 1;       // dispersion, >= 1
  bool trace = false;   // also one line per row
};
/// JSON: log_evidence_fail, log_evidence_pass (natural logs after the last row; one stage, one
/// check), requests, bad, rate (null without requests), interval [low, high] (F15 at alpha, counts
/// divided by phi), decision "fail" | "pass" | "undecided", decided_at (row from 1, or null): the
/// first row at which one of the two reached its threshold. Rows after it still add to the
/// evidence.
Result<Report> threshold(const ThresholdOptions& options);

/// Does the canary fail more often than stable does at the same time? Header
/// `canary_requests,canary_bad,stable_requests,stable_bad`.
struct CompareOptions {
  std::string file;
  double tolerance = 1;  // odds ratio that is still allowed, 1..100
  double alpha = 0.01;
  double phi = 1;
  bool exact_never = false;  // --exact never: the bound F7 for every window
  bool trace = false;
};
/// JSON: log_evidence_worse, decision "fail" | "undecided", decided_at, and per track requests,
/// bad, rate.
Result<Report> compare(const CompareOptions& options);

/// Is the canary slower anywhere? Header `le,canary,stable`: boundaries ascending, the last `+Inf`,
/// and cumulative counts of one window.
struct LatencyOptions {
  std::string file;
  double tolerance = 1;
  double alpha = 0.01;
  double phi = 1;
  bool exact_never = false;
};
/// JSON: log_evidence_slower (F18, the mean over all finite boundaries), slowest_boundary (in the
/// file's unit), log_evidence_at_slowest, decision "fail" | "undecided", canary and stable
/// {requests, p50, p95} (null without requests).
Result<Report> latency(const LatencyOptions& options);

/// What does a step length buy?
struct PlanOptions {
  double limit = 0;                      // fraction
  std::optional<double> true_rate = {};  // fraction; without it a table over several
  double rate = 0;                       // canary requests per second, above 0
  double alpha = 0.01;
  double beta = 0.01;
  double phi = 1;
  int checks = 1;  // of the rollout, 1..32: they share alpha
  int stages = 1;  // of the rollout, 1..32: they share alpha
};
/// JSON: limit, rate, and `rates`, a list of {true_rate, decision, expected_requests,
/// expected_seconds, p95_requests, p95_seconds, lower_bound_requests, lower_bound_seconds, exact};
/// the same fields also on top when true_rate was given. null stands for "never".
Result<Report> plan(const PlanOptions& options);

/// Kayenta's judge with Kayenta's canary config. Control and experiment: one JSON object each,
/// metric name -> array of numbers, null for a missing value.
struct KayentaOptions {
  std::string config;
  std::string control;
  std::string experiment;
  std::optional<double> pass = {};  // else classifier.scoreThresholds.pass of the config, else 75
  std::optional<double> marginal = {};  // else ... .marginal, else 50
};
/// JSON: judge, score, classification "Pass" | "Marginal" | "Fail", reason, groups [{name, score,
/// weight, no_data}], metrics [{name, classification, reason, ratio, interval [low, high],
/// estimate, p_value, critical, muted, groups, control {...}, experiment {...}}].
Result<Report> kayenta(const KayentaOptions& options);

}  // namespace linnet::judge
