// TrafficRouter of a cluster: a recipe says which objects carry the weight, watches keep copies of
// them, and one PATCH an object changes it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kubernetes/client.h"
#include "ports/ports.h"
#include "recipes/router.h"
#include "runtime/task_group.h"

namespace linnet::kubernetes {

/// A write of RecipeRouter::create() for people: "create Ingress web-canary: at weight 0 %".
std::string creation_text(const recipes::Write& write);

class RecipeRouter final : public TrafficRouter {
 public:
  /// `with` is `traffic.with` of the spec and "namespace" and "release". `changed` is called when
  /// an object may have changed: ring the doorbell. `client` outlives it. Code::invalid: the
  /// recipe's parameters are wrong.
  static Result<std::unique_ptr<RecipeRouter>> make(Client& client, recipes::RouterRecipe recipe,
                                                    recipes::Parameters with,
                                                    std::function<void()> changed,
                                                    std::string field_manager = "linnet",
                                                    CacheTimes times = {});

  /// Watches until the group is cancelled; nothing can be read before. The router outlives them.
  void watch(runtime::TaskGroup& tasks);

  /// Code::unavailable: the watches are not fresh, or the controller has not accepted what was
  /// written. Objects that do not exist split nothing: weight 0, with a word in `by`. Of objects
  /// that differ, one at 0 with the mark of a rollback is what was meant; else the one that someone
  /// else wrote last.
  Task<Result<core::TrafficSeen>> read(Deadline deadline) override;
  /// From the watched copies, without reading first. Code::conflict: somebody else changed the
  /// weight since read() last told of it, and it was to be raised; a lowering is tried once more at
  /// once. Code::invalid: an object is another release's, and is not written.
  Task<Result<void>> set(core::SetWeight level, Deadline deadline) override;

  /// Asked of the server itself: could a canary get these weights? Code::not_found says what is
  /// missing, Code::invalid which weight the objects cannot carry. The answer is what their
  /// controller says against a canary, in words; empty: nothing.
  Task<Result<std::string>> could_split(std::vector<Percent> weights, Deadline deadline);

  /// Asked of the server itself, for who cannot wait for the watches; 0 where nothing splits yet.
  Task<Result<Percent>> weight_now(Deadline deadline);

  /// What create() and remove() would write now. `before`: writes that are planned to be done
  /// first, such as the Ingress that the canary's is a clone of.
  Task<Result<std::vector<recipes::Write>>> plan_create(std::vector<recipes::Write> before,
                                                        Deadline deadline);
  /// Makes the canary's side where it is missing, at weight 0. Answers what was written.
  Task<Result<std::vector<recipes::Write>>> create(Deadline deadline);
  Task<Result<std::vector<recipes::Write>>> plan_remove(Deadline deadline);
  /// Weight 0, and then away with what create() made; nothing else is touched. Answers what was
  /// written to take it away.
  Task<Result<std::vector<recipes::Write>>> remove(Deadline deadline);

  [[nodiscard]] const recipes::RouterRecipe& recipe() const { return recipe_; }
  [[nodiscard]] const recipes::Parameters& parameters() const { return with_; }
  /// When the one whom read() names in `by` wrote the weight (RFC 3339); empty: not known.
  [[nodiscard]] std::string written_when() const;
  [[nodiscard]] const std::vector<recipes::ObjectName>& carriers() const { return carriers_; }
  /// The objects that carry the weight, as set() takes them to be now.
  [[nodiscard]] std::vector<recipes::Seen> copies() const;

 private:
  RecipeRouter(Client& client, recipes::RouterRecipe recipe, recipes::Parameters with,
               std::string field_manager);
  [[nodiscard]] Result<void> fresh() const;
  Task<Result<std::vector<recipes::Seen>>> get(std::vector<recipes::ObjectName> names,
                                               Deadline deadline);
  Task<Result<void>> perform(recipes::Write write, Deadline deadline);
  Task<Result<void>> perform_all(std::vector<recipes::Write> writes, bool all, Deadline deadline);
  Task<Result<void>> set_again(core::SetWeight level, Error trouble, Deadline deadline);
  /// Code::conflict: it would raise what somebody else has set since read() last told of it.
  [[nodiscard]] Result<void> check_told(const core::SetWeight& level,
                                        const std::vector<recipes::Seen>& now) const;
  void know_own_writes();
  /// The split that someone else wrote last; null: all of them are linnet's, or nobody's.
  [[nodiscard]] const recipes::SplitRead* foreign(const recipes::WeightRead& read) const;
  [[nodiscard]] core::TrafficSeen traffic_of(const recipes::WeightRead& read) const;
  [[nodiscard]] std::string what(const core::SetWeight& level) const;

  Client& client_;
  recipes::RouterRecipe recipe_;
  recipes::Parameters with_;
  std::string manager_;
  std::vector<recipes::ObjectName> carriers_;
  std::vector<std::unique_ptr<Cache>> caches_;  // one each
  std::vector<Json> written_;                   // one each: what our last PATCH was answered with
  // What whoever decides knows of: as read() last answered, and own writes since but for those that
  // took the canary back. Such a one comes from beside (a person's command), and what was decided
  // before it must not undo it.
  std::vector<recipes::Seen> told_;
  Percent agreed_;  // what all said when they last said the same
};

}  // namespace linnet::kubernetes
