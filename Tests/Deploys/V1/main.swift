// deploy-v1 DATABASE: the deployment as it was. Ten steps, and one fee for all.

import Deploys
import DurableWorkflow

let fee = Deployment.fee { context in
    try await context.execute(Deployment.flatFee, Nothing(), options: Deployment.options)
}
try await Deployment.run([Deployment.sequence(10), fee])
