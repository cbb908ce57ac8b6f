import { endAnswer, grantDetails, grantList } from '../../contract.ts'

// Exactly what the broker answers: whoever reads the API can read the command line.
export const grantListOutput = grantList
export const grantShowOutput = grantDetails
export const grantRevokeOutput = endAnswer
