import type { AllowRule } from '../../scope/scope.ts'

/** Who may take a scope, in one line. */
export function ruleText({ caller, issuer, claims }: AllowRule): string {
  const wanted = Object.entries(claims).map(([name, value]) => `${name}=${value}`)
  return `${caller} of ${issuer} with ${wanted.join(', ')}`
}
