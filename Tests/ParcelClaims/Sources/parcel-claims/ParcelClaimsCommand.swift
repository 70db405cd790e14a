import Foundation
import LockstepApp
import ParcelClaims

@main struct ParcelClaimsCommand {
    static func main() async {
        let folder = ProcessInfo.processInfo.environment["PARCEL_CLAIMS_PARTIES"] ?? "parties"
        var app = LockstepApp(domain: claims, effects: PostAndBank(folder: folder), plan: .text(claimPlan, name: "claims.yaml"))
        app.title = "Parcel claims"
        app.noun = Noun("claim", "claims")
        app.fixtures = "Scenarios"
        app.extensions = { [try MachineExtension(parsing: photoCost)] }
        await app.main()
    }
}
