// The saved form: whatever a status holds comes back, and whatever a disk makes of it is an error
// and never a crash.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "wire/codec.h"
#include "wire/json.h"

namespace linnet::wire {
namespace {

/// Fills any described value field by field, so that a field added to core is tested at once.
template <class T>
struct Filler;

template <class T>
T any() {
  return Filler<T>::make();
}
template <std::integral T>
struct Filler<T> {
  static T make() { return *rc::gen::arbitrary<T>(); }
};
template <>
struct Filler<double> {
  static double make() {
    const auto bits = *rc::gen::arbitrary<std::uint64_t>();
    double value = 0;
    static_assert(sizeof(value) == sizeof(bits));
    std::memcpy(&value, &bits, sizeof(value));
    // NaN is unequal to itself, so it cannot be compared; infinities can.
    return std::isnan(value) ? std::numeric_limits<double>::infinity() : value;
  }
};
template <>
struct Filler<std::string> {  // any bytes, NUL and broken UTF-8 among them
  static std::string make() { return *rc::gen::arbitrary<std::string>(); }
};
template <>
struct Filler<Percent> {
  static Percent make() { return Percent::from_ppm(*rc::gen::inRange(0, 1'000'001)); }
};
template <>
struct Filler<Duration> {
  static Duration make() { return Duration(any<std::int64_t>()); }
};
template <>
struct Filler<WallTime> {
  static WallTime make() { return WallTime{any<std::int64_t>()}; }
};
template <codec::DescribedEnum T>
struct Filler<T> {
  static T make() {
    std::vector<T> all;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>(
        [&](auto one) { all.push_back(one.value); });
    return *rc::gen::elementOf(all);
  }
};
template <class T>
struct Filler<std::vector<T>> {
  static std::vector<T> make() {
    std::vector<T> out(static_cast<std::size_t>(*rc::gen::inRange(0, 4)));
    for (T& one : out) one = any<T>();
    return out;
  }
};
template <class T, std::size_t N>
struct Filler<std::array<T, N>> {
  static std::array<T, N> make() {
    std::array<T, N> out;
    for (T& one : out) one = any<T>();
    return out;
  }
};
template <class T>
struct Filler<std::optional<T>> {
  static std::optional<T> make() {
    if (any<bool>()) return std::nullopt;
    return any<T>();
  }
};
template <codec::Described T>
struct Filler<T> {
  static T make() {
    T out;
    codec::for_each_member<T>([&](auto member) {
      auto& field = out.*member.pointer;
      field = any<std::decay_t<decltype(field)>>();
    });
    return out;
  }
};
template <>
struct Filler<core::Phase> {
  static core::Phase make() {
    constexpr std::size_t phases = std::variant_size_v<core::Phase>;
    const std::size_t index = *rc::gen::inRange<std::size_t>(0, phases);
    core::Phase out;
    boost::mp11::mp_with_index<phases>(
        index, [&](auto i) { out = any<std::variant_alternative_t<i, core::Phase>>(); });
    return out;
  }
};
// What load_status() looks over must be a state that the statistics can make.
template <>
struct Filler<stats::StageWeights> {
  static stats::StageWeights make() {
    return *stats::StageWeights::uniform(*rc::gen::inRange(1, stats::max_stages + 1));
  }
};
double below_million() { return *rc::gen::inRange(0, 1'000'000) / 7.0; }
template <>
struct Filler<stats::Threshold> {
  static stats::Threshold make() {
    auto out =
        *stats::Threshold::make(*rc::gen::inRange(1, 999) / 1000.0, any<stats::StageWeights>());
    const double requests = std::floor(below_million());
    (void)out.add(requests, std::floor(requests / *rc::gen::inRange(1, 50)),
                  1 + below_million() / 1e6);
    return out;
  }
};
template <>
struct Filler<stats::TwoSample> {
  static stats::TwoSample make() {
    auto out = *stats::TwoSample::make(any<stats::StageWeights>());
    (void)out.add({1000, std::floor(below_million() / 1e3), 9000, 17});
    return out;
  }
};
template <>
struct Filler<stats::LatencyComparison> {
  static stats::LatencyComparison make() {
    const std::array<double, 4> bounds{5, 10.5, 1000, 2500};
    auto out = *stats::LatencyComparison::make(bounds, any<stats::StageWeights>());
    auto canary = *stats::Histogram::make(bounds);
    auto stable = canary;
    for (int i = 0; i < 30; ++i) {
      (void)canary.observe(*rc::gen::inRange(0, 5000));
      (void)stable.observe(*rc::gen::inRange(0, 500));
    }
    (void)out.add(canary, stable);
    return out;
  }
};

core::Status status_in(core::Phase phase) {
  core::Status status;
  status.phase = std::move(phase);
  status.stable_version = "v1.0.0";
  status.evidence.limits.emplace_back();
  return status;
}

RC_GTEST_PROP(SavedStatusTest, ComesBackAsItWas, ()) {
  const auto status = any<core::Status>();
  const auto loaded = load_status(save_status(status));
  if (!loaded) RC_FAIL(loaded.error().message);
  RC_ASSERT(*loaded == status);
  RC_ASSERT(save_status(*loaded) == save_status(status));
}

RC_GTEST_PROP(SavedStatusTest, EveryPhaseComesBack, ()) {
  boost::mp11::mp_for_each<core::Phase>([](auto kind) {
    const core::Status status = status_in(any<decltype(kind)>());
    const auto loaded = load_status(save_status(status));
    if (!loaded) RC_FAIL(loaded.error().message);
    RC_ASSERT(*loaded == status);
  });
}

RC_GTEST_PROP(SavedTest, IntentsAnswersAndRolloutsComeBackAsTheyWere, ()) {
  const auto intent = any<core::Intent>();
  RC_ASSERT(load_intent(save_intent(intent)) == intent);
  const auto answer = any<core::Answer>();
  RC_ASSERT(load_answer(save_answer(answer)) == answer);
  const auto record = any<core::RolloutRecord>();
  RC_ASSERT(load_record(save_record(record)) == record);
}

RC_GTEST_PROP(SavedStatusTest, RandomBytesAreAnError, (const std::string& bytes)) {
  RC_ASSERT(!load_status(bytes));
}

RC_GTEST_PROP(SavedStatusTest, AFlippedByteIsAnErrorOrAStatus, ()) {
  std::string saved = save_status(any<core::Status>());
  const auto place = *rc::gen::inRange<std::size_t>(0, saved.size());
  saved[place] = *rc::gen::arbitrary<char>();
  const auto loaded = load_status(saved);
  if (loaded)
    RC_ASSERT(load_status(save_status(*loaded)).has_value());
  else
    RC_ASSERT(!loaded.error().message.empty());
}

TEST(SavedStatusTest, EveryTruncationIsAnError) {
  core::Status status = status_in(core::Holding{{"paused", "by anna"}});
  status.rollout = core::Rollout{};
  status.rollout->steps.emplace_back();
  const std::string saved = save_status(status);
  for (std::size_t length = 0; length < saved.size(); ++length)
    EXPECT_FALSE(load_status(saved.substr(0, length))) << length;
}

TEST(SavedStatusTest, DoublesComeBackBitForBit) {
  core::Status status = status_in(core::Idle{});
  const double hard[] = {0.1,
                         -0.0,
                         5e-324,
                         1.7976931348623157e308,
                         2.2250738585072011e-308,
                         1 / 3.,
                         1e23,
                         9007199254740993.0,
                         -std::numeric_limits<double>::infinity()};
  for (double value : hard) {
    status.evidence.limits[0].clumping.phi_compare = value;
    const auto loaded = load_status(save_status(status));
    ASSERT_TRUE(loaded);
    EXPECT_EQ(std::memcmp(&loaded->evidence.limits[0].clumping.phi_compare, &value, sizeof value),
              0)
        << value;
  }
}

TEST(SavedStatusTest, TheClockOfTheLastRunIsNotSaved) {
  core::Status status = status_in(core::Idle{});
  status.last_turn = MonoTime{5};
  status.last_saved = MonoTime{6};
  const auto loaded = load_status(save_status(status));
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(loaded->last_turn);
  EXPECT_FALSE(loaded->last_saved);
}

TEST(SavedStatusTest, WhatAnOlderLinnetSavedStillLoads) {
  const auto loaded =
      load_status(R"({"schema":1,"stable_version":"v1","phase":{"phase":"stepping","index":2}})");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->stable_version, "v1");
  EXPECT_EQ(loaded->phase, core::Phase(core::Stepping{.index = 2}));
  EXPECT_EQ(loaded->notices, 0);
}

TEST(SavedStatusTest, WhatANewerLinnetSavedIsRefused) {
  const auto newer = load_status(R"({"schema":2,"phase":{"phase":"idle"}})");
  ASSERT_FALSE(newer);
  EXPECT_NE(newer.error().message.find("newer linnet"), std::string::npos);
  const auto more = load_status(R"({"schema":1,"phase":{"phase":"idle","mood":1}})");
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().message, "loading status: .phase.mood: not known to this linnet");
}

TEST(SavedStatusTest, AStatusWithoutPhaseIsRefused) {
  EXPECT_FALSE(load_status(R"({"schema":1,"stable_version":"v1"})"));
  EXPECT_FALSE(load_status(R"({"phase":{"phase":"idle"}})"));
  EXPECT_FALSE(load_status("[]"));
}

TEST(SavedStatusTest, ErrorsNameThePath) {
  const auto wrong =
      load_status(R"({"schema":1,"phase":{"phase":"idle"},"outbox":[{"id":1},{"id":"two"}]})");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message,
            "loading status: .outbox[1].id: expected a whole number, found string");
}

TEST(SavedStatusTest, EvidenceThatCannotBeIsRefused) {
  core::Status status = status_in(core::Idle{});
  status.evidence.limits[0].threshold.limit = -1;
  EXPECT_FALSE(load_status(save_status(status)));
}

}  // namespace
}  // namespace linnet::wire
