import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { decodeJwt } from 'jose'

/** As much of an API server as reviews tokens, with pods that tests delete. */
export interface ApiServer {
  readonly url: string
  /** Bodies of the reviews asked for. */
  readonly reviews: Record<string, unknown>[]
  /** Pods that run, by uid. */
  readonly pods: Set<string>
  /** Answers instead, when a test sets it. */
  answer: RequestListener | undefined
  close(): Promise<void>
}

export const REVIEWER = 'reviewer-token'
const PATH = '/apis/authentication.k8s.io/v1/tokenreviews'

export async function startApiServer(tls?: {
  readonly key: string
  readonly cert: string
}): Promise<ApiServer> {
  const reviews: Record<string, unknown>[] = []
  const pods = new Set<string>()
  const state: { answer: RequestListener | undefined } = { answer: undefined }
  const listener: RequestListener = async (request, response) => {
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += chunk
    if (state.answer !== undefined) return void state.answer(request, response)
    const reply = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (request.headers.authorization !== `Bearer ${REVIEWER}`)
      return reply(401, { kind: 'Status' })
    if (request.method !== 'POST' || request.url !== PATH) return reply(404, { kind: 'Status' })
    const review = JSON.parse(text)
    reviews.push(review)
    return reply(201, { ...review, status: statusOf(review.spec, pods) })
  }
  const server = tls === undefined ? createHttpServer(listener) : createHttpsServer(tls, listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    reviews,
    pods,
    get answer() {
      return state.answer
    },
    set answer(answer) {
      state.answer = answer
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Spec {
  readonly token: string
  readonly audiences: readonly string[]
}

interface Bound {
  readonly pod: { readonly uid: string }
  readonly serviceaccount: { readonly uid: string }
}

/** What Kubernetes 1.34 answers for a token of a pod that runs, and of one that does not. */
function statusOf({ token, audiences }: Spec, pods: ReadonlySet<string>) {
  if (token.split('.').length !== 3) return { user: {}, error: 'invalid bearer token' }
  const claims = decodeJwt<{ 'kubernetes.io': Bound }>(token)
  const { pod, serviceaccount } = claims['kubernetes.io']
  if (!pods.has(pod.uid)) {
    return { user: {}, error: '[invalid bearer token, service account token has been invalidated]' }
  }
  return {
    authenticated: true,
    audiences: audiences.filter((audience) => [claims.aud].flat().includes(audience)),
    user: {
      username: claims.sub,
      uid: serviceaccount.uid,
      groups: ['system:serviceaccounts', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/pod-uid': [pod.uid] },
    },
  }
}
