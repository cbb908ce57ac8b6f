import { type Cli, EXIT } from '../cli.ts'
import type { OutputFlag } from '../flags.ts'
import { answer } from '../terminal.ts'
import type { Shell } from './shells.ts'

/** Each asks `credctl completion propose`; where it knows nothing, files are completed as usual. */
const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `_credctl() {
  local IFS=$'\\n'
  COMPREPLY=($(credctl completion propose -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _credctl credctl
`,
  zsh: `#compdef credctl
_credctl() {
  local -a proposals
  proposals=("\${(@f)$(credctl completion propose -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  [[ -n "$proposals" ]] && compadd -- $proposals || _files
}
compdef _credctl credctl
`,
  fish: `complete -c credctl -a '(credctl completion propose -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
}

/** `credctl completion script SHELL` */
export default async function script(cli: Cli, flags: OutputFlag, shell: Shell): Promise<number> {
  answer(cli, flags, { shell, script: SCRIPTS[shell] }, (value) => value.script)
  return EXIT.ok
}
