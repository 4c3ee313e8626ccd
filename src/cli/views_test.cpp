// The screen of `linnet status`: what stands there agrees with the state, and nothing is guessed.
#include "cli/views.h"

#include "cli/command_test_case.h"

namespace linnet::cli {
namespace {

using namespace testing;

std::string screen(const std::string& document) {
  const Terminal terminal(-1, TerminalOptions{});
  auto status = read_status(document);
  CHECK(status);
  std::string text;
  for (const std::string& line : status_lines(*status, terminal, WallTime{1'795'500'000'000}))
    text += line + "\n";
  return text;
}

TEST(StatusScreen, BeforeInitSaysSoAndShowsNoCount) {
  const std::string text = screen(
      R"({"release":"shop","phase":"idle","ready":false,"step":0,"steps":4,"weight_wanted":0,)"
      R"("weight_in_force":0,"versions":{"stable":"","canary":""},"replicas":{"stable":)"
      R"({"wanted":0,"ready":0},"canary":{"wanted":0,"ready":0}},"checks":[],)"
      R"("reason":"nothing runs yet: `linnet init`","since":"1970-01-01T00:00:00.000Z",)"
      R"("rollout":null})");
  EXPECT_EQ(text,
            "shop  not initialised\n"
            "\n"
            "not initialised: `linnet init` starts stable and the traffic splitting\n");
}

TEST(StatusScreen, ShowsChecksOnlyWhereTheyAreJudged) {
  for (const char* phase : {"stepping", "holding", "awaiting_promotion", "promoting"})
    EXPECT_NE(screen(status_json(phase, 25, "", failed_check)).find("error_rate"),
              std::string::npos)
        << phase;
  for (const char* phase :
       {"idle", "preparing", "rolling_back", "succeeded", "rolled_back", "failed"}) {
    const std::string text = screen(status_json(phase, 0, "", failed_check));
    EXPECT_EQ(text.find("error_rate"), std::string::npos) << text;
    EXPECT_EQ(text.find("CHECK"), std::string::npos) << text;
  }
}

TEST(StatusScreen, ARolloutThatIsOverIsNotToldAsOneThatHasJustStarted) {
  EXPECT_NE(screen(status_json("rolled_back")).find(" ago), rolled back\n"), std::string::npos);
  const std::string text = screen(status_json("idle"));
  EXPECT_NE(text.find("\nlast rollout shop-1: v1.0.0 -> v1.1.0 by anna"), std::string::npos);
  EXPECT_NE(text.find("; its outcome: `linnet history`\n"), std::string::npos) << text;
}

TEST(StatusScreen, NamesWhoElseSetTheWeightAndWhen) {
  std::string document = status_json("awaiting_promotion", 25);
  document.insert(document.rfind('}'),
                  R"(,"other_hands":[{"what":"weight","by":"kubectl-patch",)"
                  R"("at":"2026-11-24T05:59:00Z","text":"the weight is 0 %, set by kubectl-patch; )"
                  R"(linnet left it at 25 %"}])");
  const std::string text = screen(document);
  EXPECT_NE(
      text.find("\nthe weight is 0 %, set by kubectl-patch; linnet left it at 25 %; 2026-11-24 "),
      std::string::npos)
      << text;
  EXPECT_NE(text.find(" ago)\n"), std::string::npos) << text;
}

class BeforeInit : public CommandTest {};

TEST_F(BeforeInit, CleanupNamesInitAndNoEmptyVersion) {
  std::string status = status_json("idle", 0, "", "[]", "");
  status.replace(status.find(R"("stable":"v1.0.0")"), 17, R"("stable":"")");
  Outcome outcome;
  outcome.rollout = "";
  daemon(status).on("cleanup", outcome);
  const Ran ran = program.run({"cleanup"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "shop: there is no canary; not initialised: `linnet init`\n");
}

}  // namespace
}  // namespace linnet::cli
