#include "cli/commands.h"

#include <array>

namespace linnet::cli {

std::span<const Command* const> commands() {
  static constexpr std::array table{
      &init_command,     &deploy_command,  &status_command,     &promote_command, &rollback_command,
      &traffic_command,  &pause_command,   &resume_command,     &monitor_command, &cleanup_command,
      &history_command,  &logs_command,    &doctor_command,     &plan_command,    &validate_command,
      &simulate_command, &judge_command,   &recipes_command,    &spec_command,    &rbac_command,
      &serve_command,    &version_command, &completion_command, &names_command,
  };
  return table;
}

const Command* find_command(std::string_view name) {
  for (const Command* command : commands())
    if (command->name == name) return command;
  return nullptr;
}

std::span<const Option> global_options() {
  static constexpr std::array<Option, 8> options{{
      {"--spec", "FILE", "The spec; else $LINNET_SPEC, else ./linnet.yaml", {}, "-f"},
      {"--release",
       "NAME",
       "Which release, when the spec or the daemon holds several",
       {},
       {},
       "releases"},
      {"--output", "FORMAT", "text or json (the documents of docs/api.md)", "text json", "-o"},
      {"--no-start", "", "Start no daemon when none answers; exit with 4 instead"},
      {"--namespace", "NS", "Kubernetes namespace", {}, "-n", "namespaces"},
      {"--context", "NAME", "Context of the kubeconfig", {}, {}, "contexts"},
      {"--kubeconfig", "FILE", "Kubeconfig; else $KUBECONFIG, else ~/.kube/config"},
      {"--help", "", "This text", {}, "-h"},
  }};
  return options;
}

}  // namespace linnet::cli
