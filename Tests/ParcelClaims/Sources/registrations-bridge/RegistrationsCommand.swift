import Foundation
import LockstepApp
import ParcelClaims
import Registrations

@main struct RegistrationsCommand {
    static func main() async {
        let environment = ProcessInfo.processInfo.environment
        do {
            let domain = try registrations(at: environment["REGISTRATIONS_SERVICE"] ?? "http://127.0.0.1:8080/lockstep/v1")
            let vetting = PostAndBank(folder: environment["REGISTRATIONS_VETTING"] ?? "vetting")
            var app = LockstepApp(domain: domain, effects: vetting, plan: .text(registrationPlan, name: "registrations.yaml"))
            app.noun = Noun("registration", "registrations")
            await app.main()
        } catch {
            print("registrations-bridge: \(error)")
            exit(2)
        }
    }
}
