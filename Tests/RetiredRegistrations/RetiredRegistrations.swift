import A2PRegistration
import A2PRetired
import Commands
import LegacyFixtures
import Migrations
import Outcomes

/// Every verb for registrations whose legacy machine is gone. Nothing here links it, and that is what this program is for.
@main struct RetiredRegistrations {
    static func main() async throws {
        var app = LockstepApp(
            "retired-registrations", domain: try A2PDomain.retired(), effects: nil,
            plan: .text(EmbeddedPlans.retired, name: EmbeddedPlans.retiredName), recorded: { A2POutside(journal: $0) })
        app.title = "A2P 10DLC registration, without legacy"
        app.noun = Noun("registration", "registrations")
        app.completions = [.ACTIVE: "10"]
        app.fixtures = LegacyFixtures.folder
        await app.main()
    }
}
