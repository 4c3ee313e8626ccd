// linnet completion: scripts for shells, made from the table of commands.
#include "cli/completion.h"

#include "cli/commands.h"
#include "cli/session.h"

namespace linnet::cli {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string command_names() {
  std::vector<std::string> names;
  for (const Command* command : commands()) names.emplace_back(command->name);
  return joined(names);
}

std::string option_names(std::span<const Option> options) {
  std::vector<std::string> names;
  for (const Option& option : options) names.emplace_back(option.name);
  return joined(names);
}

std::string positional_words(const Command& command) {
  return command.positionals.empty() ? "" : std::string(command.positionals.front().words);
}

// In single quotes for a shell.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string bash_script() {
  std::string cases;
  for (const Command* command : commands())
    cases += fmt::format("    {}) words=\"{}\" ;;\n", command->name,
                         joined({option_names(command->options), option_names(global_options()),
                                 positional_words(*command)}));
  std::string values;
  const auto add_values = [&values](std::span<const Option> options) {
    for (const Option& option : options)
      if (!option.words.empty())
        values += fmt::format("    {}) COMPREPLY=($(compgen -W \"{}\" -- \"$word\")); return ;;\n",
                              option.name, option.words);
  };
  add_values(global_options());
  for (const Command* command : commands()) add_values(command->options);
  return fmt::format(R"(# bash completion of linnet: source <(linnet completion bash)
_linnet() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" command="" words i
  COMPREPLY=()
  case "$before" in
{}    --spec|-f|--kubeconfig) COMPREPLY=($(compgen -f -- "$word")); return ;;
  esac
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case " {} " in *" ${{COMP_WORDS[i]}} "*) command="${{COMP_WORDS[i]}}"; break ;; esac
  done
  case "$command" in
    "") words="{} {}" ;;
    validate) COMPREPLY=($(compgen -f -- "$word")); [[ $word != -* ]] && return; words="{}" ;;
{}  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -F _linnet linnet
)",
                     values, command_names(), command_names(), option_names(global_options()),
                     option_names(global_options()), cases);
}

std::string zsh_option(const Option& option) {
  std::string help;
  for (const char c : option.help)  // these mean something to _arguments
    help += c == '[' || c == ']' || c == ':' ? std::string("\\") + c : std::string(1, c);
  std::string spec = fmt::format("{}[{}]", option.name, help);
  if (option.placeholder.empty()) return quoted(spec);
  const std::string action = !option.words.empty()          ? fmt::format("({})", option.words)
                             : option.placeholder == "FILE" ? "_files"
                                                            : " ";
  return quoted(fmt::format("{}:{}:{}", spec, option.placeholder, action));
}

std::string zsh_script() {
  std::string names;
  std::string cases;
  std::string global;
  for (const Option& option : global_options()) global += " " + zsh_option(option);
  for (const Command* command : commands()) {
    names += "    " + quoted(fmt::format("{}:{}", command->name, command->summary)) + "\n";
    std::string options = global;
    for (const Option& option : command->options) options += " " + zsh_option(option);
    for (const Positional& each : command->positionals)
      options += " " + quoted(fmt::format("{}{}:{}", each.many ? "*:" : ":", each.name,
                                          !each.words.empty()   ? fmt::format("({})", each.words)
                                          : each.name == "FILE" ? "_files"
                                                                : " "));
    cases += fmt::format("    {}) _arguments{} ;;\n", command->name, options);
  }
  return fmt::format(R"(#compdef linnet
# zsh completion of linnet: source <(linnet completion zsh)
_linnet() {{
  local -a names
  names=(
{}  )
  if (( CURRENT == 2 )); then
    _describe command names
    return
  fi
  local command="${{words[2]}}"
  shift words
  (( CURRENT-- ))
  case "$command" in
{}  esac
}}
compdef _linnet linnet
)",
                     names, cases);
}

std::string fish_option(std::string_view condition, const Option& option) {
  std::string line = fmt::format("complete -c linnet -f {}-l {} -d {}", condition,
                                 option.name.substr(2), quoted(option.help));
  if (!option.letter.empty()) line += fmt::format(" -s {}", option.letter.substr(1));
  if (!option.words.empty())
    line += fmt::format(" -x -a {}", quoted(option.words));
  else if (option.placeholder == "FILE")
    line += " -r -F";
  else if (!option.placeholder.empty())
    line += " -x";
  return line + "\n";
}

std::string fish_script() {
  std::string text = "# fish completion of linnet: linnet completion fish | source\n";
  for (const Option& option : global_options()) text += fish_option("", option);
  for (const Command* command : commands()) {
    text += fmt::format("complete -c linnet -f -n __fish_use_subcommand -a {} -d {}\n",
                        command->name, quoted(command->summary));
    const std::string seen = fmt::format("-n '__fish_seen_subcommand_from {}' ", command->name);
    for (const Option& option : command->options) text += fish_option(seen, option);
    if (const std::string words = positional_words(*command); !words.empty())
      text += fmt::format("complete -c linnet -f {}-a {}\n", seen, quoted(words));
  }
  return text + "complete -c linnet -F -n '__fish_seen_subcommand_from validate'\n";
}

Result<Exit> run_completion(Session& session) {
  session.out().raw(completion_script(session.arguments().text("SHELL").value_or("bash")));
  return Exit::done;
}

constexpr Positional positionals[] = {{"SHELL", "bash, zsh or fish", true, false, "bash zsh fish"}};

}  // namespace

std::string completion_script(std::string_view shell) {
  if (shell == "zsh") return zsh_script();
  return shell == "fish" ? fish_script() : bash_script();
}

constexpr Command completion_command{
    .name = "completion",
    .summary = "Print a script that completes commands in a shell",
    .description = "Put the line for your shell into its start file.",
    .examples =
        "source <(linnet completion bash)     # ~/.bashrc\n"
        "source <(linnet completion zsh)      # ~/.zshrc, after compinit\n"
        "linnet completion fish | source      # ~/.config/fish/config.fish\n",
    .positionals = positionals,
    .run = run_completion,
};

}  // namespace linnet::cli
