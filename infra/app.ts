import { App } from 'aws-cdk-lib'
import { addStacks } from './stacks.ts'

const app = new App()
addStacks(app, app.node.tryGetContext('credctl'))
app.synth()
