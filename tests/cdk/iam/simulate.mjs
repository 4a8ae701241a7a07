// Reads requests as JSON from standard input, writes one decision for each: true for allowed.
import { runSimulation } from '@cloud-copilot/iam-simulate'
import { readFileSync } from 'node:fs'

const decisions = []
for (const each of JSON.parse(readFileSync(0, 'utf8'))) {
  const response = await runSimulation(
    {
      request: {
        principal: each.principal,
        action: each.action,
        resource: { resource: each.resource, accountId: each.account },
        contextVariables: each.context,
      },
      identityPolicies: each.policies.map((policy, number) => ({ name: `policy${number}`, policy })),
      resourcePolicy: each.resourcePolicy ?? undefined,
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  )
  if (response.resultType === 'error') throw new Error(JSON.stringify([each.action, response.errors]))
  decisions.push(response.overallResult === 'Allowed')
}
process.stdout.write(JSON.stringify(decisions))
