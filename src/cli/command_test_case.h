// What the tests of commands share: a daemon that is scripted, and the states that a release goes
// through.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/testing.h"

namespace linnet::cli::testing {

inline constexpr const char* error_check =
    R"([{"name":"error_rate","verdict":"pass","value":0.4,"limit":5.0,"unit":"%","requests":412,)"
    R"("bad":2,"log_evidence":-3.9,"text":"0.4 % of 412 requests failed; limit 5 %"}])";
inline constexpr const char* failed_check =
    R"([{"name":"error_rate","verdict":"fail","value":21.5,"limit":5.0,"unit":"%","requests":65,)"
    R"("bad":14,"log_evidence":7.1,"text":"21.5 % of 65 requests failed; limit 5 %"}])";

/// The program with a scratch directory, a spec in it and, once asked for, a daemon.
class CommandTest : public ::testing::Test {
 protected:
  void SetUp() override { scratch.write("linnet.yaml", shop_spec); }

  FakeDaemon& daemon(const std::string& status) {
    fake = std::make_unique<FakeDaemon>(scratch.path(), status);
    return *fake;
  }

  static std::string history(const std::string& kind, const std::string& text,
                             const std::string& outcome = "rolled_back") {
    return R"([{"id":"shop-1","from":"v1.0.0","to":"v1.1.0","by":"anna",)"
           R"("started":"2026-11-23T20:58:00.000Z","ended":"2026-11-23T21:00:05.000Z","outcome":")" +
           outcome + R"(","cause":{"kind":")" + kind + R"(","text":")" + text +
           R"("},"steps":[]}])";
  }

  static std::vector<Frame> good_steps() {
    return {
        {status_json("preparing"), {"rollout shop-1 to v1.1.0 starts"}},
        {status_json("stepping", 5, "holding 5 %", error_check), {"canary weight is 5 %"}},
        {status_json("stepping", 100, "holding 100 %", error_check), {"canary weight is 100 %"}},
        {status_json("awaiting_promotion", 100, "all steps passed", error_check),
         {"all steps passed; waiting for promotion"}}};
  }

  static Outcome promotion() {
    Outcome outcome;
    outcome.frames = {{status_json("promoting", 100), {"promoting v1.1.0"}},
                      {status_json("succeeded", 0, "v1.1.0 is stable"), {"v1.1.0 is stable"}}};
    return outcome;
  }

  static Outcome taking_back(const std::string& reason) {
    Outcome outcome;
    outcome.frames = {{status_json("rolling_back", 0, reason), {"weight 0: " + reason}},
                      {status_json("rolled_back", 0, reason), {"rolled back: " + reason}}};
    return outcome;
  }

  bool asked_for(const std::string& part) {
    for (const Asked& each : fake->asked())
      if (each.target.find(part) != std::string::npos) return true;
    return false;
  }

  Scratch scratch;
  Program program{scratch};
  std::unique_ptr<FakeDaemon> fake;
};

}  // namespace linnet::cli::testing
