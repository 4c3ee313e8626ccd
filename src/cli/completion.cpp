// linnet completion: scripts for shells, made from the table of commands.
#include "cli/completion.h"

#include <algorithm>

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
  for (const Command* command : commands())
    if (!command->hidden) names.emplace_back(command->name);
  return joined(names);
}

std::string option_names(std::span<const Option> options) {
  std::vector<std::string> names;
  for (const Option& option : options) names.emplace_back(option.name);
  return joined(names);
}

// The options of all commands that a value follows, each once: a name means the same everywhere.
std::vector<Option> options_with_values() {
  std::vector<Option> all;
  const auto add = [&all](std::span<const Option> options) {
    for (const Option& option : options)
      if (!option.placeholder.empty() &&
          std::none_of(all.begin(), all.end(),
                       [&](const Option& known) { return known.name == option.name; }))
        all.push_back(option);
  };
  add(global_options());
  for (const Command* command : commands()) add(command->options);
  return all;
}

// "--spec|-f|--release": those that decide which cluster, namespace and release is meant.
std::string leading_options(std::string_view between) {
  std::vector<std::string> names;
  for (const Option& option : global_options()) {
    if (option.placeholder.empty() || !option.words.empty()) continue;
    names.emplace_back(option.name);
    if (!option.letter.empty()) names.emplace_back(option.letter);
  }
  return fmt::format("{}", fmt::join(names, between));
}

// In single quotes for a shell.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// ---- bash ---------------------------------------------------------------------------------------

// What may stand at each place after the command's name.
std::string bash_places(const Command& command) {
  std::string text;
  for (std::size_t i = 0; i < command.positionals.size(); ++i) {
    const Positional& each = command.positionals[i];
    const std::string offered = !each.words.empty()   ? fmt::format("words=\"{}\"", each.words)
                                : !each.names.empty() ? fmt::format("names={}", each.names)
                                : each.name == "FILE" ? std::string("files=1")
                                                      : std::string();
    if (!offered.empty())
      text +=
          fmt::format(" [[ $place == {} ]] && {};", each.many ? "*" : std::to_string(i), offered);
  }
  return text;
}

std::string bash_values() {
  std::string text;
  for (const Option& option : options_with_values()) {
    const std::string names =
        fmt::format("{}{}{}", option.name, option.letter.empty() ? "" : "|", option.letter);
    if (!option.words.empty())
      text += fmt::format("    {}) words=\"{}\" ;;\n", names, option.words);
    else if (!option.names.empty())
      text += fmt::format("    {}) names={} ;;\n", names, option.names);
    else if (option.placeholder == "FILE")
      text += fmt::format("    {}) files=1 ;;\n", names);
  }
  return text;
}

std::string bash_valued() {
  std::vector<std::string> names;
  for (const Option& option : options_with_values()) {
    names.emplace_back(option.name);
    if (!option.letter.empty()) names.emplace_back(option.letter);
  }
  return fmt::format("{}", fmt::join(names, "|"));
}

// Words are never evaluated: what is typed and what clusters and files call things may hold
// anything, and `compgen -W` would run a $(command) in it.
constexpr std::string_view bash_functions =
    R"sh(# bash completion of linnet: source <(linnet completion bash)
_linnet_names() {
  local name
  while IFS= read -r name; do
    [[ $name == "$word"* ]] || continue
    printf -v name %q "$name"
    COMPREPLY+=("$name")
  done < <(linnet names "$1" "${where[@]}" 2>/dev/null </dev/null)
}
# bash takes words apart at : = and @, which stand in names of contexts and in --option=value.
_linnet_glue() {
  local rest="$COMP_LINE" part
  for part in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
    if ((${#line[@]})) && [[ $rest != [[:space:]]* ]]; then
      line[-1]+="$part"
    else
      rest="${rest#"${rest%%[![:space:]]*}"}"
      line+=("$part")
    fi
    rest="${rest#"$part"}"
  done
}
)sh";

std::string bash_script() {
  std::string cases;
  for (const Command* command : commands())
    cases += fmt::format("    {}) options=\"{}\";{} ;;\n", command->name,
                         joined({option_names(command->options), option_names(global_options())}),
                         bash_places(*command));
  return std::string(bash_functions) +
         fmt::format(R"sh(_linnet() {{
  local line=() where=() words="" names="" files="" options="{0}" command="" place=0 i part
  COMPREPLY=()
  _linnet_glue
  local whole="${{line[-1]}}" before="" prefix=""
  local word="$whole"
  ((${{#line[@]}} > 1)) && before="${{line[-2]}}"
  if [[ $word == --*=* ]]; then
    before="${{word%%=*}}" word="${{word#*=}}"
    prefix="$before="
  fi
  for ((i = 1; i < ${{#line[@]}} - 1; ++i)); do
    part="${{line[i]//[\"\'\\]/}}"
    case "$part" in
      {1})
        ((++i < ${{#line[@]}} - 1)) || break
        case "$part" in {2})
          where+=("$part")
          part="${{line[i]//[\"\'\\]/}}"
          [[ $part == "~/"* ]] && part="$HOME/${{part#"~/"}}"
          where+=("$part") ;;
        esac ;;
      {3}) where+=("$part") ;;
      -*) ;;
      *) if [[ $command ]]; then ((++place)); else command="$part"; fi ;;
    esac
  done
  case "$command" in
    "") words="{4}" ;;
{5}  esac
  case "$before" in {1}) words="" names="" files="" options="" ;; esac
  case "$before" in
{6}  esac
  if [[ $word == -* && $options ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  elif [[ $names ]]; then
    _linnet_names "$names"
  elif [[ $files ]]; then
    COMPREPLY=($(compgen -f -- "$word"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$word"))
  fi
  ((${{#COMPREPLY[@]}})) || COMPREPLY=($(compgen -W "$options" -- "$word"))
  # Of a word that was taken apart, only the last piece is replaced.
  local head="${{whole%"${{whole##*[$COMP_WORDBREAKS]}}"}}"
  COMPREPLY=("${{COMPREPLY[@]/#/"$prefix"}}")
  COMPREPLY=("${{COMPREPLY[@]#"$head"}}")
}}
complete -F _linnet linnet
)sh",
                     option_names(global_options()), bash_valued(), leading_options("|"),
                     leading_options("=*|") + "=*", command_names(), cases, bash_values());
}

// ---- zsh ----------------------------------------------------------------------------------------

std::string zsh_action(std::string_view words, std::string_view names, bool file) {
  if (!words.empty()) return fmt::format("({})", words);
  if (!names.empty()) return fmt::format("_linnet_names {}", names);
  return file ? "_files" : " ";
}

std::string zsh_option(const Option& option) {
  std::string help;
  for (const char c : option.help)  // these mean something to _arguments
    help += c == '[' || c == ']' || c == ':' ? std::string("\\") + c : std::string(1, c);
  const bool valued = !option.placeholder.empty();
  const std::string value =
      valued ? fmt::format(":{}:{}", option.placeholder,
                           zsh_action(option.words, option.names, option.placeholder == "FILE"))
             : "";
  std::string text = quoted(fmt::format("{}{}[{}]{}", option.name, valued ? "=" : "", help, value));
  if (!option.letter.empty())
    text += " " + quoted(fmt::format("{}[{}]{}", option.letter, help, value));
  return text;
}

constexpr std::string_view zsh_names = R"sh(_linnet_names() {{
  local -a where found
  local i word
  for ((i = 2; i < CURRENT; ++i)); do
    word="${{(Q)words[i]}}"
    case "$word" in
      {0})
        ((i + 1 < CURRENT)) && where+=("$word" "${{${{(Q)words[i+1]}}/#\~\//$HOME/}}")
        ((++i)) ;;
      {1}) where+=("$word") ;;
    esac
  done
  found=(${{(f)"$(linnet names "${{@[-1]}}" "${{where[@]}}" 2>/dev/null </dev/null)"}})
  compadd "${{@[1,-2]}}" -a found
}}
)sh";

std::string zsh_script() {
  std::string names;
  std::string cases;
  std::string global;
  for (const Option& option : global_options()) global += " " + zsh_option(option);
  for (const Command* command : commands()) {
    if (!command->hidden)
      names += "    " + quoted(fmt::format("{}:{}", command->name, command->summary)) + "\n";
    std::string options = global;
    for (const Option& option : command->options) options += " " + zsh_option(option);
    for (const Positional& each : command->positionals)
      options += " " + quoted(fmt::format("{}{}:{}", each.many ? "*:" : ":", each.name,
                                          zsh_action(each.words, each.names, each.name == "FILE")));
    cases += fmt::format("    {}) _arguments{} ;;\n", command->name, options);
  }
  return "#compdef linnet\n# zsh completion of linnet: source <(linnet completion zsh)\n" +
         fmt::format(zsh_names, leading_options("|"), leading_options("=*|") + "=*") +
         fmt::format(R"(_linnet() {{
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

// ---- fish ---------------------------------------------------------------------------------------

std::string fish_option(std::string_view condition, const Option& option) {
  std::string line = fmt::format("complete -c linnet -f {}-l {} -d {}", condition,
                                 option.name.substr(2), quoted(option.help));
  if (!option.letter.empty()) line += fmt::format(" -s {}", option.letter.substr(1));
  if (!option.words.empty())
    line += fmt::format(" -x -a {}", quoted(option.words));
  else if (!option.names.empty())
    line += fmt::format(" -x -a '(__linnet_names {})'", option.names);
  else if (option.placeholder == "FILE")
    line += " -r -F";
  else if (!option.placeholder.empty())
    line += " -x";
  return line + "\n";
}

constexpr std::string_view fish_names = R"sh(function __linnet_names
  set -l where
  set -l follows 0
  for word in (commandline -opc)
    if test $follows = 1
      set -a where (string replace -r '^~(?=/)' "$HOME" -- $word)
      set follows 0
    else if contains -- $word {0}
      set -a where $word
      set follows 1
    else if string match -q -r -- '^({1})=' $word
      set -a where $word
    end
  end
  test $follows = 1; and set -e where[-1]
  linnet names $argv[1] $where 2>/dev/null </dev/null
end
)sh";

std::string fish_script() {
  std::string text = "# fish completion of linnet: linnet completion fish | source\n";
  text += fmt::format(fish_names, leading_options(" "), leading_options("|"));
  for (const Option& option : global_options()) text += fish_option("", option);
  for (const Command* command : commands()) {
    if (!command->hidden)
      text += fmt::format("complete -c linnet -f -n __fish_use_subcommand -a {} -d {}\n",
                          command->name, quoted(command->summary));
    const std::string seen = fmt::format("-n '__fish_seen_subcommand_from {}' ", command->name);
    for (const Option& option : command->options) text += fish_option(seen, option);
    if (command->positionals.empty()) continue;
    const Positional& first = command->positionals.front();
    if (!first.words.empty())
      text += fmt::format("complete -c linnet -f {}-a {}\n", seen, quoted(first.words));
    else if (!first.names.empty())
      text += fmt::format("complete -c linnet -f {}-a '(__linnet_names {})'\n", seen, first.names);
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
    .description =
        "Put the line for your shell into its start file. It completes commands, options and "
        "their words, and what `linnet names` lists: contexts, namespaces, Deployments, releases, "
        "versions and recipes.",
    .examples =
        "source <(linnet completion bash)     # ~/.bashrc\n"
        "source <(linnet completion zsh)      # ~/.zshrc, after compinit\n"
        "linnet completion fish | source      # ~/.config/fish/config.fish\n",
    .positionals = positionals,
    .run = run_completion,
};

}  // namespace linnet::cli
