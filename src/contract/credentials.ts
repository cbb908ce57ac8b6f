import { z } from 'zod'
import { time } from '../contract.ts'

/** What a fetch of a credential answers, wrapped or not, and what follows when it cannot be opened. */

export const awsCredential = z
  .object({
    AccessKeyId: z.string(),
    SecretAccessKey: z.string(),
    Token: z.string(),
    Expiration: z.string(),
  })
  .meta({ id: 'AwsCredential', description: 'The container-credentials shape AWS SDKs read.' })

export const postgresCredential = z
  .object({
    host: z.string(),
    port: z.int(),
    database: z.string(),
    user: z.string(),
    password: z.string(),
    sslmode: z.enum(['verify-full', 'disable']),
    uri: z.string(),
    expires_at: time,
  })
  .meta({ id: 'PostgresCredential' })

/** Option names of the MySQL and MariaDB clients. */
export const mysqlCredential = z
  .object({
    host: z.string(),
    port: z.int(),
    user: z.string(),
    password: z.string(),
    ssl_mode: z.enum(['VERIFY_IDENTITY', 'DISABLED']),
    databases: z.array(z.string()).meta({ description: 'Those with a table that it reaches.' }),
    uri: z.string(),
    expires_at: time,
  })
  .meta({ id: 'MysqlCredential' })

export const credential = z.union([awsCredential, postgresCredential, mysqlCredential])

/** Query of a fetch. */
export const credentialQuery = z.strictObject({
  wrap: z
    .string()
    .regex(/^[1-9]\d{0,2}s$/)
    .refine((text) => Number.parseInt(text, 10) >= 5 && Number.parseInt(text, 10) <= 600)
    .exactOptional()
    .meta({ description: 'Seconds for which a wrapped credential can be opened: 5s to 600s.' }),
})

/** Instead of a credential: what opens it, once, at Vault (`sys/wrapping/unwrap`). */
export const wrappedCredential = z
  .object({
    wrapped: z.object({
      token: z.string().meta({ description: 'Opens it. As secret as what is inside.' }),
      accessor: z.string().meta({ description: 'Names it when it cannot be opened.' }),
      ttl: z.int().positive(),
      creation_time: z.string().meta({
        description: 'Look the token up before opening it: another time is another wrapping.',
      }),
      creation_path: z.string(),
      address: z.url().meta({ description: 'The Vault that opens it.' }),
      namespace: z.string().optional(),
    }),
  })
  .meta({ id: 'WrappedCredential' })

/** Vault refused to open a wrapped credential (400). */
export const unwrapReport = z
  .strictObject({ accessor: z.string().regex(/^[\w.-]{8,256}$/) })
  .meta({ id: 'UnwrapReport' })

export const unwrapAnswer = z
  .object({
    finding: z.enum(['closed', 'taken', 'lapsed']).meta({
      description:
        'closed: nobody opened it, try again. taken: somebody else did. lapsed: its time was over. After the last two the grant has ended.',
    }),
  })
  .meta({ id: 'UnwrapAnswer' })
