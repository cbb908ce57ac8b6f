import { approvalDetails, approvalList, batchVerdictAnswer } from '../../contract/approvals.ts'

// Exactly what the broker answers: whoever reads the API can read the command line.
export const approvalListOutput = approvalList
export const approvalShowOutput = approvalDetails
export const approvalVerdictOutput = batchVerdictAnswer
