// `gatehouse completion bash|zsh`: a script that lets the shell complete commands and options.

import { defineCommand, GENERAL } from "./command.ts";
import { Failure } from "./failure.ts";

export const command = defineCommand({
  usage: "completion bash|zsh",
  about: "Prints a script for the shell. Words after the options are completed as files.",
  example: "completion bash > /etc/bash_completion.d/gatehouse",
  words: [1, 1],
  options: GENERAL,
  async run({ positionals, io }) {
    const [shell] = positionals;
    if (shell !== "bash" && shell !== "zsh") throw new Failure(2, "the shell is bash or zsh");
    // Loaded here: the table loads this file.
    const { COMMANDS } = await import("./table.ts");
    const words = new Map<string, string[]>();
    for (const { name, options } of COMMANDS) {
      const [first = "", second] = name.split(" ");
      if (second !== undefined) words.set(first, [...(words.get(first) ?? []), second]);
      words.set(
        name,
        (await options()).map((option) => `--${option}`),
      );
    }
    const firsts = [...new Set(COMMANDS.map(({ name }) => name.split(" ")[0] ?? ""))];
    words.set("", [...firsts, "--help", "--version"]);
    io.stdout.write(script(shell, words));
    return 0;
  },
});

function script(shell: "bash" | "zsh", words: ReadonlyMap<string, readonly string[]>): string {
  const cases = [...words].map(([name, list]) => `    "${name}") words="${list.join(" ")}" ;;`);
  const names = [...words.keys()];
  const groups = names.filter((name) => names.some((longer) => longer.startsWith(`${name} `)));
  // zsh understands bash's way of completing once it is asked to.
  const head = shell === "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : "";
  return `${head}_gatehouse() {
  local words="" line="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) break ;; esac
    case "$line" in "" | ${groups.join(" | ")}) line="\${line:+$line }$word" ;; esac
  done
  case "$line" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _gatehouse gatehouse
`;
}
