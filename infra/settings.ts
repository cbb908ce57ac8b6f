import { z } from 'zod'

const account = z.string().regex(/^[0-9]{12}$/)
const region = z.string().regex(/^[a-z]{2}(-[a-z]+)+-[0-9]$/)

const name = z.string().regex(/^[a-z][a-z0-9-]{0,40}$/)

const target = z.strictObject({
  name,
  /** Name of the role, without its path; an account may have several. */
  role: name.default('task'),
  account,
  region,
  class: z.enum(['prod', 'nonprod']),
  /** Names of credctl environments that may use this account. */
  environments: z.array(z.string()).min(1),
  externalId: z.string().min(2).max(1224),
  /** Managed policies of the target role: the most that any scope can give. */
  ceiling: z.array(z.string()).min(1).max(8),
  alarmsTo: z.email(),
})
export type TargetSettings = z.infer<typeof target>

const settings = z
  .strictObject({
    broker: z.strictObject({ account, region }),
    /** The account that service control policies are made in. */
    organization: z.strictObject({ account, root: z.string() }),
    /** The repository whose protected environment may deploy these stacks. */
    github: z.strictObject({ repositoryId: z.string(), environment: z.string() }),
    targets: z.array(target).min(1),
  })
  .superRefine(({ broker, targets }, context) => {
    const classes = new Map<string, string>()
    for (const { account: id, class: own } of targets) {
      const other = classes.get(id)
      const message = `account ${id} is both ${other} and ${own}`
      if (other !== undefined && other !== own) context.addIssue({ code: 'custom', message })
      if (id === broker.account) {
        context.addIssue({ code: 'custom', message: `account ${id} is the broker's own` })
      }
      classes.set(id, own)
    }
  })
export type Settings = z.infer<typeof settings>

/** What an operator fills in under `credctl` in cdk.json. Throws with every problem. */
export function parseSettings(value: unknown): Settings {
  return settings.parse(value)
}
