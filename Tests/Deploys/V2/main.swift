// deploy-v2 DATABASE [--without-patch]: the next deployment. Steps 11 and 12 are appended; the fee depends on the kind, behind a patch,
// or, as a mistake, without one.

import Deploys
import DurableWorkflow

let isPatched = !CommandLine.arguments.contains("--without-patch")
let fee = Deployment.fee { [isPatched] context in
    guard !isPatched || context.patched("fee-by-kind") else {
        return try await context.execute(Deployment.flatFee, Nothing(), options: Deployment.options)
    }
    return try await context.execute(Deployment.feeByKind, Nothing(), options: Deployment.options)
}
try await Deployment.run([Deployment.sequence(12), fee])
