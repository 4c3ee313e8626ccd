// The client against a real API server: what the one in memory (api_imposter.h) only says it does.
#include <boost/json.hpp>

#include "kubernetes/objects.h"
#include "kubernetes/real_cluster_test_support.h"

namespace linnet::kubernetes {
namespace {

using boost::json::array;
using boost::json::object;

struct RealClient : RealClusterTest {
  void SetUp() override {
    RealClusterTest::SetUp();
    maps = {"v1", "configmaps", where};
  }
  static Json map(const std::string& name, object data, object metadata = {}) {
    metadata["name"] = name;
    return object{{"apiVersion", "v1"},
                  {"kind", "ConfigMap"},
                  {"metadata", std::move(metadata)},
                  {"data", std::move(data)}};
  }
  Result<Json> apply(Client& who, const std::string& name, object data, PatchOptions options = {}) {
    return run(who.patch(maps, name, PatchKind::apply, map(name, std::move(data)),
                         std::move(options), soon()));
  }
  Json read(const std::string& name) {
    auto got = run(admin->get(maps, name, soon()));
    EXPECT_TRUE(got) << got.error().message;
    return got ? *got : Json();
  }

  Resource maps;
};

TEST_F(RealClient, AListOfMoreThanOnePageIsWhole) {
  const object labels{{"of", "pages"}};
  const int many = static_cast<int>(page_size) + 7;
  for (int i = 0; i < many; ++i) {
    const auto made = run(admin->create(
        maps, map(fmt::format("page-{}", i), {}, object{{"labels", labels}}), soon()));
    ASSERT_TRUE(made) << made.error().message;
  }
  const auto all = run(admin->list(maps, "of=pages", soon()));
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(list_at(*all, {"items"}).size(), static_cast<std::size_t>(many));
  const auto one = run(admin->list(maps, "of=pages", soon(), "metadata.name=page-3"));
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_EQ(list_at(*one, {"items"}).size(), 1U);
}

TEST_F(RealClient, ConflictsAreToldByReasonAndNothingIsLost) {
  ASSERT_TRUE(run(admin->create(maps, map("lock", {{"a", "1"}}), soon())));
  const auto twice = run(admin->create(maps, map("lock", {{"a", "2"}}), soon()));
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, Code::conflict);
  EXPECT_NE(twice.error().message.find("AlreadyExists"), std::string::npos);
  EXPECT_EQ(run(admin->create_missing(maps, map("lock", {{"a", "2"}}), soon())).value(), false);

  const Json old = read("lock");
  Json newer = old;
  newer.at("data").as_object()["a"] = "3";
  ASSERT_TRUE(run(admin->replace(maps, newer, soon())));
  Json stale = old;
  stale.at("data").as_object()["a"] = "4";
  const auto lost = run(admin->replace(maps, stale, soon()));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Code::conflict);

  const auto patch = [&](const char* before, const char* after) {
    const array steps{object{{"op", "test"}, {"path", "/data/a"}, {"value", before}},
                      object{{"op", "replace"}, {"path", "/data/a"}, {"value", after}}};
    return run(admin->patch(maps, "lock", PatchKind::json, steps, {}, soon()));
  };
  const auto untrue = patch("1", "5");
  ASSERT_FALSE(untrue);
  EXPECT_EQ(untrue.error().code, Code::invalid);
  EXPECT_EQ(text_at(read("lock"), {"data", "a"}), "3");
  ASSERT_TRUE(patch("3", "5"));
  EXPECT_EQ(text_at(read("lock"), {"data", "a"}), "5");
}

TEST_F(RealClient, ServerSideApplyTakesNoFieldOfAnotherUnlessForced) {
  Client other(*curl, clock, config, "somebody-else");
  PatchOptions dry;
  dry.dry_run = true;
  ASSERT_TRUE(apply(*admin, "shared", {{"ours", "1"}}, dry));
  EXPECT_EQ(run(admin->get(maps, "shared", soon())).error().code, Code::not_found);

  const auto made = apply(*admin, "shared", {{"ours", "1"}});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(text_at(list_at(*made, {"metadata", "managedFields"}).at(0), {"manager"}), "linnet");
  ASSERT_TRUE(apply(other, "shared", {{"theirs", "1"}}));
  // What we no longer name is gone; what is theirs is not.
  ASSERT_TRUE(apply(*admin, "shared", {{"new", "2"}}));
  EXPECT_EQ(read("shared").at("data"), Json(object{{"theirs", "1"}, {"new", "2"}}));

  const auto refused = apply(*admin, "shared", {{"new", "2"}, {"theirs", "9"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::conflict);
  EXPECT_NE(refused.error().message.find("somebody-else"), std::string::npos)
      << refused.error().message;
  PatchOptions force;
  force.force = true;
  ASSERT_TRUE(apply(*admin, "shared", {{"new", "2"}, {"theirs", "9"}}, force));
  EXPECT_EQ(text_at(read("shared"), {"data", "theirs"}), "9");
}

TEST_F(RealClient, AWatchSeesWhatIsMadeChangedAndDeleted) {
  Cache cache(*admin, maps, "seen=yes", [] {});
  tasks.spawn("cache", cache.run());
  ASSERT_TRUE(eventually([&] { return cache.fresh(); }));
  const auto value = [&] {
    const auto found = cache.objects().find("watched");
    return found == cache.objects().end() ? "" : text_at(found->second, {"data", "a"});
  };
  const object labels{{"labels", object{{"seen", "yes"}}}};
  ASSERT_TRUE(run(admin->create(maps, map("watched", {{"a", "1"}}, labels), soon())));
  ASSERT_TRUE(eventually([&] { return value() == "1"; }));
  const Json change = object{{"data", object{{"a", "2"}}}};
  ASSERT_TRUE(run(admin->patch(maps, "watched", PatchKind::merge, change, {}, soon())));
  ASSERT_TRUE(eventually([&] { return value() == "2"; }));
  ASSERT_TRUE(run(admin->remove(maps, "watched", soon())));
  ASSERT_TRUE(eventually([&] { return cache.objects().empty(); }));
}

TEST_F(RealClient, AWatchFromAVersionThatIsLongForgottenIsToldSo) {
  std::string heard;
  const auto answer =
      run(admin->stream(watch_request(maps, "", "", "1", 5), 30s, [&](std::string_view bytes) {
        heard += bytes;
        return true;
      }));
  ASSERT_TRUE(answer) << answer.error().message;
  // As a status, or as the first event of a watch that began: a Cache takes both for "list anew".
  EXPECT_NE(heard.find("410"), std::string::npos) << answer->status << " " << heard;
}

}  // namespace
}  // namespace linnet::kubernetes
