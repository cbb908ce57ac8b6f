import { z } from 'zod'
import { fields, refuse } from '../document/fields.ts'
import { isLoopback } from '../environment/loopback.ts'
import { vaultMount, vaultName } from '../environment/vault-name.ts'
import { localSecretReference } from '../secret/reference.ts'

const address = z
  .string()
  .max(256)
  .superRefine((text, context) => {
    const url = URL.parse(text)
    const plain = url?.protocol === 'http:' && isLoopback(url.hostname)
    if (url !== null && url.origin === text && (url.protocol === 'https:' || plain)) return
    const expected = 'https://host:port in lower case without a path; http:// only on loopback'
    refuse(context, 'not an address of Vault', { expected })
  })

const namespace = z
  .string()
  .regex(
    /^[A-Za-z0-9_-]{1,64}(\/[A-Za-z0-9_-]{1,64}){0,7}$/,
    'not a namespace, such as team/orders',
  )

/** How the broker logs in. Nothing of it can be kept in Vault itself. */
const auth = z.union([
  fields({ token: localSecretReference }),
  fields({
    approle: fields({
      mount: vaultMount.default('approle'),
      role_id: localSecretReference,
      secret_id: localSecretReference,
    }),
  }),
  fields({
    jwt: fields({
      mount: vaultMount.default('jwt'),
      role: vaultName,
      jwt: localSecretReference,
    }),
  }),
  fields({
    kubernetes: fields({
      mount: vaultMount.default('kubernetes'),
      role: vaultName,
      jwt: localSecretReference.default('file:/var/run/secrets/kubernetes.io/serviceaccount/token'),
    }),
  }),
])
export type VaultAuth = z.infer<typeof auth>

/** The one Vault or OpenBao a broker talks to. */
export const vaultServer = fields({
  address,
  /** Sent as `X-Vault-Namespace`: Vault Enterprise, or OpenBao 2.3 and newer. */
  namespace: namespace.optional(),
  /** PEM of the authority that signed the server's certificate; Node's own list when absent. */
  ca: localSecretReference.optional(),
  auth,
})
export type VaultServer = z.infer<typeof vaultServer>
