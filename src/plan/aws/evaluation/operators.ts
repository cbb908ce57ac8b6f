import { globMatches } from '../glob.ts'
import type { Truth } from './truth.ts'

/** Compares a value of the request with one value of the policy. */
type Operator = (given: string, wanted: string) => Truth

/** Condition operators in their positive form. What is not here is unknown, never guessed. */
const OPERATORS: Readonly<Record<string, Operator>> = {
  StringEquals: (given, wanted) => given === wanted,
  StringEqualsIgnoreCase: (given, wanted) => given.toLowerCase() === wanted.toLowerCase(),
  StringLike: (given, wanted) => globMatches(wanted, given),
  NumericEquals: ordered(numberOf, (order) => order === 0),
  NumericLessThan: ordered(numberOf, (order) => order < 0),
  NumericLessThanEquals: ordered(numberOf, (order) => order <= 0),
  NumericGreaterThan: ordered(numberOf, (order) => order > 0),
  NumericGreaterThanEquals: ordered(numberOf, (order) => order >= 0),
  DateEquals: ordered(timeOf, (order) => order === 0),
  DateLessThan: ordered(timeOf, (order) => order < 0),
  DateLessThanEquals: ordered(timeOf, (order) => order <= 0),
  DateGreaterThan: ordered(timeOf, (order) => order > 0),
  DateGreaterThanEquals: ordered(timeOf, (order) => order >= 0),
  Bool: (given, wanted) => given.toLowerCase() === wanted.toLowerCase(),
  ArnEquals: arnLike,
  ArnLike: arnLike,
  IpAddress: inNetwork,
}

const NEGATIONS: Readonly<Record<string, string>> = {
  StringNotEquals: 'StringEquals',
  StringNotEqualsIgnoreCase: 'StringEqualsIgnoreCase',
  StringNotLike: 'StringLike',
  NumericNotEquals: 'NumericEquals',
  DateNotEquals: 'DateEquals',
  ArnNotEquals: 'ArnEquals',
  ArnNotLike: 'ArnLike',
  NotIpAddress: 'IpAddress',
}

/** The positive form of an operator, also of a negated one. */
export function operatorNamed(name: string): Operator | undefined {
  const positive = Object.hasOwn(NEGATIONS, name) ? (NEGATIONS[name] ?? name) : name
  return Object.hasOwn(OPERATORS, positive) ? OPERATORS[positive] : undefined
}

export function isNegated(name: string): boolean {
  return Object.hasOwn(NEGATIONS, name)
}

function ordered(parse: (text: string) => number, accepts: (order: number) => boolean): Operator {
  return (given, wanted) => {
    const order = parse(given) - parse(wanted)
    return Number.isNaN(order) ? 'unknown' : accepts(order)
  }
}

function numberOf(text: string): number {
  return /^-?[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : Number.NaN
}

/** ISO 8601, or seconds since 1970. */
function timeOf(text: string): number {
  return /^[0-9]+$/.test(text) ? Number(text) * 1000 : Date.parse(text)
}

/** Field by field: wildcards do not reach across the first five colons. */
function arnLike(given: string, wanted: string): Truth {
  const split = (arn: string) => {
    const fields = arn.split(':')
    return [...fields.slice(0, 5), fields.slice(5).join(':')]
  }
  const fields = split(given)
  return split(wanted).every((field, index) => globMatches(field, fields[index] ?? ''))
}

/** IPv4 in CIDR notation; anything else is unknown. */
function inNetwork(given: string, wanted: string): Truth {
  const [network = '', length = '32'] = wanted.split('/')
  const [address, base, bits] = [addressOf(given), addressOf(network), Number(length)]
  if (address === undefined || base === undefined || !(bits >= 0 && bits <= 32)) return 'unknown'
  const size = 2 ** (32 - bits)
  return Math.floor(address / size) === Math.floor(base / size)
}

function addressOf(text: string): number | undefined {
  const parts = text.split('.').map((part) => (/^[0-9]{1,3}$/.test(part) ? Number(part) : 256))
  if (parts.length !== 4 || parts.some((part) => part > 255)) return undefined
  return parts.reduce((total, part) => total * 256 + part, 0)
}
