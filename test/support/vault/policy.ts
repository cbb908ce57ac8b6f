/** What a policy allows on which paths; a trailing `*` matches any rest, `+` one segment. */
export interface Rule {
  readonly path: string
  readonly capabilities: readonly string[]
}

/** Reads the part of HCL in which policies of Vault are written. */
export function parsePolicy(text: string): Rule[] {
  const bare = text.replace(/#.*$/gm, '')
  const rules = bare.matchAll(/path\s+"([^"]+)"\s*\{\s*capabilities\s*=\s*\[([^\]]*)\]\s*\}/g)
  return [...rules].map(([, path = '', list = '']) => ({
    path,
    capabilities: [...list.matchAll(/"([a-z]+)"/g)].map(([, name = '']) => name),
  }))
}

export function allows(rules: readonly Rule[], path: string, capability: string): boolean {
  return rules.some((rule) => rule.capabilities.includes(capability) && matches(rule.path, path))
}

function matches(pattern: string, path: string): boolean {
  const prefix = pattern.endsWith('*')
  const source = pattern
    .replace(/\*$/, '')
    .replace(/[.*?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('+', '[^/]+')
  return new RegExp(`^${source}${prefix ? '' : '$'}`).test(path)
}
